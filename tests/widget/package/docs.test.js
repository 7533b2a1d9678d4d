/** docs/widget.md says what is so. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const page = readFileSync("docs/widget.md", "utf8");
const source = (name) => readFileSync(`static/widget/src/${name}`, "utf8");

test("its calls are the class's", async () => {
  const { METHODS } = await import("../../../static/widget/src/widget.js");
  const [, table] = /\| call \|.*?\n((?:\|.*\n)+)/.exec(page);
  const named = [...table.matchAll(/`(\w+)\(/g)].map(([, name]) => name);
  assert.deepEqual(named.sort(), ["init", ...METHODS].sort());
});

test("its events and states are the types'", () => {
  const [, events] = /interface WidgetEvents \{(.*?)\n\}/s.exec(source("ui.d.ts"));
  for (const [, name] of events.matchAll(/^ {2}(\w+):/gm)) assert.ok(page.includes(`\`${name}\``), name);
  const [, states] = /type FailureState =(.*?);/s.exec(source("types.d.ts"));
  const [, told] = /`state` is one of (.*?)\. A question/s.exec(page);
  const quoted = (text, mark) => [...text.matchAll(new RegExp(`${mark}(\\w+)${mark}`, "g"))].map(([, name]) => name).sort();
  assert.deepEqual(quoted(told, "`"), quoted(states, '"'));
});

test("its attributes and options are the types'", () => {
  const [, options] = /interface WidgetOptions \{(.*?)\n\}/s.exec(source("ui.d.ts"));
  const typed = [...options.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name);
  const [, table] = /\| attribute \|.*?\n((?:\|.*\n)+)/.exec(page);
  const rows = [...table.matchAll(/^\| ?(.*?) ?\| `(\w+)/gm)];
  assert.deepEqual(rows.map(([, , name]) => name).sort(), typed.sort());
  for (const [, attribute, name] of rows.filter(([, attribute]) => attribute.includes("data-"))) {
    const dashed = name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
    assert.match(attribute, new RegExp(`^\`data-${dashed}\\b`));
  }
});

test("the tag in it and in the README is the one that works", () => {
  const readme = readFileSync("README.md", "utf8");
  const line = '<script src="https://chat.example/static/widget/js/chatbot-widget.js" data-key="pk_…" async></script>';
  assert.ok(page.includes(line) && readme.split("\n").slice(0, 30).join("\n").includes(line));
});

test("its pictures are the states that are looked at, and all are shown", async () => {
  const { SCENES } = await import("../e2e/scenes.mjs");
  const shown = [...readFileSync("docs/pictures.md", "utf8").matchAll(/screenshots\/([\w-]+)\.png/g)].map(([, name]) => name);
  const taken = readdirSync("docs/screenshots").map((name) => name.replace(".png", ""));
  assert.deepEqual(shown.sort(), [...SCENES.map(({ name }) => name), "demo", "demo-dark", "demo-phone"].sort());
  assert.deepEqual(taken.sort(), shown);
});
