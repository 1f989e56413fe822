import { describe } from "bun:test";

/**
 * A suite that needs a tool of the system. Where it is missing the suite is skipped, aloud and with the command that installs it;
 * in CI it runs all the same, and fails.
 */
export function needs(tool: string, isThere: boolean, install: string): (name: string, body: () => void) => void {
  if (isThere || process.env.REPOWIRE_CI) return describe;
  return (name, body) => {
    console.log(`skipped: "${name}" needs ${tool}; install it with \`${install}\``);
    // Never silently: the line above says so, and CI does not come here.
    describe.skip(name, body);
  };
}
