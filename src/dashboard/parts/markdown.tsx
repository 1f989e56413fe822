import type { ComponentChildren } from "preact";
import { type Block, type Inline, parseMarkdown } from "../live/markdown.ts";

/** A text of a peer, as elements. Nothing of it is ever taken for markup. */
export function Markdown({ text }: { text: string }) {
  return <div class="prose">{parseMarkdown(text).map(blockOf)}</div>;
}

function blockOf(block: Block): ComponentChildren {
  switch (block.type) {
    case "paragraph":
      return <p>{block.content.map(inlineOf)}</p>;
    case "heading":
      // No heading of the page's own outline: it belongs to what somebody wrote.
      return <p class="prose-heading">{block.content.map(inlineOf)}</p>;
    case "code":
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <pre tabIndex={0}>
          <code>{block.text}</code>
        </pre>
      );
    case "quote":
      return <blockquote>{block.blocks.map(blockOf)}</blockquote>;
    case "rule":
      return <hr />;
    case "list": {
      const items = block.items.map(({ checked, blocks }) => (
        <li class={checked === undefined ? undefined : "task"}>
          {checked === undefined ? null : <span>{checked ? "☑" : "☐"} </span>}
          {blocks.map(blockOf)}
        </li>
      ));
      return block.ordered ? <ol start={block.start}>{items}</ol> : <ul>{items}</ul>;
    }
    case "table":
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <div class="wide" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {block.head.map((cell) => (
                  <th>{cell.map(inlineOf)}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {block.rows.map((row) => (
                <tr>
                  {row.map((cell) => (
                    <td>{cell.map(inlineOf)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    default:
      return block satisfies never;
  }
}

function inlineOf(part: Inline): ComponentChildren {
  switch (part.type) {
    case "text":
      return part.text;
    case "code":
      return <code>{part.text}</code>;
    case "strong":
      return <strong>{part.content.map(inlineOf)}</strong>;
    case "emphasis":
      return <em>{part.content.map(inlineOf)}</em>;
    case "struck":
      return <s>{part.content.map(inlineOf)}</s>;
    case "break":
      return <br />;
    case "link":
      return (
        <a href={part.href} target="_blank" rel="noopener noreferrer nofollow">
          {part.content.map(inlineOf)}
          <span class="leads"> ↗ {part.host}</span>
        </a>
      );
    default:
      return part satisfies never;
  }
}
