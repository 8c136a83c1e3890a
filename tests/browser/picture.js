// Evaluated in the page: what the picture of a person looks like: how many hard edges, and two of its colours.
(person) => {
  const video = document.querySelector(`[data-person="${person}"] video`);
  if (!video?.videoWidth) return null;
  const [width, height] = [160, 90];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(video, 0, 0, width, height);
  const { data } = pen.getImageData(0, 0, width, height);
  const colour = (x, y) => [...data.slice(4 * (y * width + x), 4 * (y * width + x) + 3)];
  const grey = (x, y) => {
    const at = 4 * (y * width + x);
    return (data[at] + data[at + 1] + data[at + 2]) / 3;
  };
  let edges = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 1; x < width; x++) if (Math.abs(grey(x, y) - grey(x - 1, y)) > 24) edges += 1;
  }
  return { edges, top: colour(6, 6), bottom: colour(6, 86) };
}
