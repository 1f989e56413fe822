import type { MessageId } from "./ids.ts";
import type { OperationName, OperationOutput } from "./operations.ts";
import type { AskOutcome, RollUp } from "./outcomes.ts";

/**
 * The messages that an operation's result carries to the caller. Whoever writes the result to the runtime reports them as
 * written; until then they are only leased.
 */
export function carriedMessages<Name extends OperationName>(name: Name, output: OperationOutput<Name>): MessageId[] {
  // The name decides the output's type; TypeScript does not narrow one generic by the other.
  switch (name) {
    case "ask":
      return carriedByAsk(output as AskOutcome);
    case "ask_several":
      return (output as RollUp).asked.flatMap(({ outcome, apart }) => (apart ? [] : carriedByAsk(outcome)));
    case "inbox": {
      const inbox = output as OperationOutput<"inbox">;
      if (inbox.type === "mail") return inbox.items.map((item) => item.message);
      if (inbox.type === "message") return [inbox.envelope.message];
      return inbox.type === "ask" ? carriedByAsk(inbox.outcome) : [];
    }
    default:
      return [];
  }
}

function carriedByAsk(outcome: AskOutcome): MessageId[] {
  if (outcome.state === "asked_first") return [outcome.question.message];
  return "answer" in outcome && outcome.answer ? [outcome.answer.message] : [];
}
