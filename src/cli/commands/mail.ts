import { Command } from "@commander-js/extra-typings";
import { resultText } from "../../words/index.ts";
import { attachFiles } from "../attach.ts";
import type { CliContext } from "../context.ts";
import { number } from "../number.ts";
import { print, printJson } from "../output.ts";
import { CLI_TOOLS } from "../tools.ts";

/** A person's own mailbox: late answers, questions from agents, the rest of long messages. */

export function inboxCommand(context: CliContext) {
  return new Command("inbox")
    .description("your unread mail and open questions; with an id, that message or question")
    .argument("[id]", "the five-character id")
    .option("--cancel", "withdraw your question")
    .option("-w, --wait <seconds>", "wait for the answer to your question", number)
    .option("--json", "print JSON")
    .action(async (id, options) => {
      const output = await (await context.mesh()).inbox({ id, cancel: options.cancel, wait_seconds: options.wait });
      if (options.json) printJson(output);
      else print(resultText("inbox", output, { tools: CLI_TOOLS, now: Date.now() }));
    });
}

export function replyCommand(context: CliContext) {
  return new Command("reply")
    .description("answer a question that came to you")
    .argument("<id>", "the five-character id of the question")
    .argument("<text...>", "the answer")
    .option("--decline", "decline, and say why")
    .option("--attach <file...>", "files that go with it")
    .option("--json", "print JSON")
    .action(async (id, words, options) => {
      const mesh = await context.mesh();
      const output = await mesh.reply({
        id,
        attachments: await attachFiles(mesh, options.attach),
        text: words.join(" "),
        outcome: options.decline ? "decline" : "answer",
      });
      if (options.json) printJson(output);
      else print(resultText("reply", output, { tools: CLI_TOOLS, now: Date.now() }));
    });
}

export function whoamiCommand(context: CliContext) {
  return new Command("whoami")
    .description("who you are here; with an id, who really sent that message")
    .argument("[id]", "the five-character id")
    .option("--json", "print JSON")
    .action(async (id, options) => {
      const output = await (await context.mesh()).whoami({ id });
      if (options.json) printJson(output);
      else print(resultText("whoami", output, { tools: CLI_TOOLS, now: Date.now() }));
    });
}
