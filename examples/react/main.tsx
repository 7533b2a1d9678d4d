import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";

const root = document.getElementById("root") as HTMLElement;
createRoot(root).render(
  <StrictMode>
    <App host="https://chat.example" botKey="pk_YOUR_KEY" />
  </StrictMode>,
);
