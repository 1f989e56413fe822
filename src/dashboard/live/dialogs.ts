import { signal } from "@preact/signals";

/** What the person is asked right now, above whatever view: opened from buttons, from the palette, from anywhere. */
export const openDialog = signal<
  { name: "spawn" } | { name: "ask_several" } | { name: "broadcast"; circle: string } | undefined
>(undefined);

export const startSession = (): void => {
  openDialog.value = { name: "spawn" };
};

export const askSeveral = (): void => {
  openDialog.value = { name: "ask_several" };
};

export const sayToAll = (circle: string): void => {
  openDialog.value = { name: "broadcast", circle };
};

export const closeDialog = (): void => {
  openDialog.value = undefined;
};
