/** How a person names the tools in what they read: as commands. */
export const CLI_TOOLS = { reply: "repowire reply", inbox: "repowire inbox" };

/** The exit code of a command whose work goes on by itself after it. */
export const EXIT_PENDING = 75;
