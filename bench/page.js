// Evaluated in the page: notes the length of every frame, and how many messages the page has been told of.
async () => {
  const { subscribe } = await import("/app/store.js");
  const lengths = new Float32Array(60 * 60 * 20); // held from the start, so that noting costs no memory
  const notes = { frames: 0, messages: 0, held: 0 };
  subscribe((state, action) => {
    if (action.type !== "event" || action.event.type !== "chat.posted") return;
    notes.messages += 1;
    notes.held = state.topics[action.event.topic]?.chat.messages.length ?? 0;
  });
  let last = performance.now();
  const frame = (now) => {
    if (notes.frames < lengths.length) lengths[notes.frames++] = now - last;
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  globalThis.noted = (from) => ({ ...notes, lengths: [...lengths.subarray(from, notes.frames)] });
}
