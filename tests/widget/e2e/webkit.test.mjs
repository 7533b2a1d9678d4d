/** The main paths in WebKitGTK, the nearest to Safari that runs on Linux. */
import { needs } from "./harness.mjs";
import { mainPaths } from "./main_paths.mjs";
import { startWebKit } from "./webdriver.mjs";

const PROGRAMS = {
  xvfb: process.env.XVFB ?? "/usr/bin/Xvfb",
  driver: process.env.WEBKIT_DRIVER ?? "/usr/bin/WebKitWebDriver",
  browser: process.env.MINIBROWSER ?? "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
};
const { xvfb, driver, browser } = PROGRAMS;
const programs = needs({ xvfb, "webkit2gtk-driver": driver, "libwebkit2gtk-4.1-0": browser });
const limits = { integrity: "WebKit does not check the integrity of a module preload" };

mainPaths("WebKitGTK", programs, () => startWebKit(PROGRAMS), limits);
