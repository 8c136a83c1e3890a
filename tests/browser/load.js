// Evaluated in the page: a thousand people, and messages at a rate; answers with what that cost.
async ({ people, rate, seconds, first }) => {
  const { dispatch, getState } = await import("/app/store.js");
  const topic = Object.keys(getState().topics).find((name) => name.startsWith("session/"));
  const event = (type, data) => dispatch({ type: "event", event: { topic, type, at: new Date().toISOString(), data } });
  const { revision } = getState().topics[topic].people;
  const joined = Array.from({ length: people }, (_, n) => ({
    id: `p${n}`, name: `Person ${n}`, role: "participant", company: null, host: false, on_screen: false, room: null,
  }));
  event("people.changed", { revision: revision + 1, complete: true, counts: { present: people }, joined, left: [] });
  let id = first;
  const post = () => {
    const data = { id: String(++id), person: `p${id % people}`, name: `Person ${id % people}`, role: "participant", text: `Message ${id} `.repeat(1 + (id % 9)), reply_to: null };
    event("chat.posted", data);
  };
  const began = performance.now();
  const due = () => {
    while (id - first < ((performance.now() - began) / 1000) * rate) post();
  };
  const timer = setInterval(due, 1000 / rate);
  let frames = 0;
  let longest = 0;
  await new Promise((done) => {
    let last = began;
    const frame = (now) => {
      frames += 1;
      longest = Math.max(longest, now - last);
      last = now;
      if (now - began < seconds * 1000) requestAnimationFrame(frame);
      else done();
    };
    requestAnimationFrame(frame);
  });
  clearInterval(timer);
  return {
    frames_a_second: frames / ((performance.now() - began) / 1000), longest_ms: longest, posted: id - first,
    rows: document.querySelectorAll("[data-row]").length, held: getState().topics[topic].chat.messages.length, last: id,
  };
}
