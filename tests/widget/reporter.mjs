/** A dot for each test, an s and the reason for one that is skipped, and of one that fails all that is known of it. */
export default async function* report(events) {
  let passed = 0;
  for await (const { type, data } of events) {
    if (type === "test:pass" && data.skip !== undefined) yield `s (${data.name}: ${data.skip || "not asked for"})\n`;
    else if (type === "test:pass" && data.details.type !== "suite") yield ++passed % 100 ? "." : `. ${passed}\n`;
    if (type === "test:fail" && data.details.type !== "suite") yield `\n✖ ${data.file}: ${data.name}\n${data.details.error.cause?.stack ?? data.details.error}\n`;
    if (type === "test:stderr") yield data.message;
  }
  yield `\n${passed} passed\n`;
}
