/** Prints the text and ends when the command line asks for help: before anything is built, started or downloaded. */
export function helped(text: string): void {
  if (!process.argv.slice(2).some((word) => word === "--help" || word === "-h")) return;
  console.log(text.trim());
  process.exit(0);
}
