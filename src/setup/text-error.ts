/** What is wrong with the text of a configuration file, and in which line. */
export class ConfigTextError extends Error {
  readonly line: number;

  constructor(text: string, offset: number, problem: string) {
    super(problem);
    this.name = "ConfigTextError";
    this.line = text.slice(0, offset).split("\n").length;
  }
}
