import { visible } from "../live/markdown.ts";

/** A sentence of the daemon, in which commands stand between backticks. */
export function Coded({ text }: { text: string }) {
  const parts = visible(text).split(/`([^`\n]+)`/);
  return <>{parts.map((part, index) => (index % 2 === 1 ? <code key={`${index}`}>{part}</code> : part))}</>;
}
