/** The copy of the plugin that OpenCode loads from its own configuration folder. */

/** By its first line a copy is known as ours, and which version wrote it. */
const MARKER = /^\/\/ repowire plugin for OpenCode (\S+); written by `repowire setup opencode`\n/;

/** The installed file, for either half: the marker line, the repowire home that it belongs to, the bundle as it was built. */
export function pluginText(bundle: string, home: string, version: string): string {
  return `// repowire plugin for OpenCode ${version}; written by \`repowire setup opencode\`
globalThis[Symbol.for("repowire.home")] = ${JSON.stringify(home)};
${bundle}`;
}

/** The version that wrote this file, or undefined when it is not ours. */
export const pluginVersion = (text: string): string | undefined => text.match(MARKER)?.[1];
