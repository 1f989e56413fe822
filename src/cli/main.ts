import { repowireHome } from "../platform/paths.ts";

async function main(): Promise<void> {
  const { runDaemonProcess } = await import("../daemon/main.ts");
  await runDaemonProcess({ home: repowireHome(), inForeground: !process.argv.includes("--detached") });
}
void main();
