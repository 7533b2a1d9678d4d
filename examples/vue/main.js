import { createApp } from "vue";

import App from "./App.vue";

createApp(App, { host: "https://chat.example", botKey: "pk_YOUR_KEY" }).mount("#root");
