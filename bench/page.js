// Evaluated in the page: notes the length of every frame; in the client also the messages it has been told of, elsewhere it draws a number.
async (client) => {
  const lengths = new Float32Array(60 * 60 * 20); // held from the start, so that noting costs no memory
  const notes = { frames: 0, messages: 0, held: 0 };
  if (client) {
    const { subscribe } = await import("/app/store.js");
    subscribe((state, action) => {
      if (action.type !== "event" || action.event.type !== "chat.posted") return;
      notes.messages += 1;
      notes.held = state.topics[action.event.topic]?.chat.messages.length ?? 0;
    });
  }
  let last = performance.now();
  const frame = (now) => {
    if (notes.frames < lengths.length) lengths[notes.frames++] = now - last;
    last = now;
    if (!client) document.body.textContent = String(notes.frames);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  globalThis.noted = (from) => ({ ...notes, lengths: [...lengths.subarray(from, notes.frames)] });
}
