// Evaluated before the page: a camera that draws a person in a room, who moves a little. For pictures in the docs.
((look) => {
  const PEOPLE = [
    { wall: ["#31473f", "#16221d"], skin: "#e2b08c", hair: "#3a241b", shirt: "#e7ece8", lamp: "#ffd79a", long: true },
    { wall: ["#3b4a63", "#1b2433"], skin: "#8d5b3e", hair: "#17110e", shirt: "#c8653b", lamp: "#9fc7ff", long: false },
    { wall: ["#6a4a45", "#2f1f1d"], skin: "#f0c8a6", hair: "#a5572a", shirt: "#2f6f86", lamp: "#ffc7a8", long: true },
    { wall: ["#56604a", "#262d20"], skin: "#c98f68", hair: "#2b2b2b", shirt: "#d6b44c", lamp: "#e9f3c4", long: false },
  ];
  const WIDTH = 640;
  const HEIGHT = 360;

  function room(pen, { wall, lamp }) {
    const light = pen.createLinearGradient(0, 0, WIDTH, HEIGHT);
    light.addColorStop(0, wall[0]);
    light.addColorStop(1, wall[1]);
    pen.fillStyle = light;
    pen.fillRect(0, 0, WIDTH, HEIGHT);
    const glow = pen.createRadialGradient(520, 90, 8, 520, 90, 220);
    glow.addColorStop(0, lamp);
    glow.addColorStop(0.12, `${lamp}99`);
    glow.addColorStop(1, `${lamp}00`);
    pen.fillStyle = glow;
    pen.fillRect(0, 0, WIDTH, HEIGHT);
    pen.fillStyle = "rgb(255 255 255 / 7%)";
    pen.fillRect(40, 40, 130, 96);
    pen.fillRect(40, 236, 120, 7);
    for (let book = 0; book < 8; book++) {
      pen.fillStyle = `hsl(${(book * 47) % 360} 28% 46%)`;
      pen.fillRect(48 + book * 13, 196 + (book % 3) * 6, 10, 40 - (book % 3) * 6);
    }
  }

  function head(pen, x, y, { skin, hair, long }, blink) {
    pen.fillStyle = hair;
    if (long) {
      pen.beginPath();
      pen.roundRect(x - 66, y - 70, 132, 172, 62);
      pen.fill();
    }
    pen.fillStyle = skin;
    pen.beginPath();
    pen.roundRect(x - 22, y + 46, 44, 56, 18);
    pen.fill();
    pen.beginPath();
    pen.ellipse(x, y, 52, 66, 0, 0, 7);
    pen.fill();
    pen.fillStyle = hair;
    pen.beginPath();
    pen.ellipse(x, y - 34, 56, 40, 0, Math.PI, 0);
    pen.ellipse(x + 10, y - 36, 46, 20, 0.2, 0, Math.PI);
    pen.fill();
    pen.fillStyle = "#22160f";
    for (const side of [-19, 19]) {
      pen.beginPath();
      pen.ellipse(x + side, y + 2, 4.4, blink ? 0.8 : 5, 0, 0, 7);
      pen.fill();
    }
    pen.strokeStyle = "rgb(90 30 20 / 75%)";
    pen.lineWidth = 3;
    pen.lineCap = "round";
    pen.beginPath();
    pen.arc(x, y + 24, 17, 0.35, Math.PI - 0.35);
    pen.stroke();
  }

  function draw(pen, person, time) {
    room(pen, person);
    const x = WIDTH / 2 + 10 * Math.sin(time / 900);
    const y = 172 + 4 * Math.sin(time / 500);
    pen.fillStyle = person.shirt;
    pen.beginPath();
    pen.roundRect(x - 132, 256 + 2 * Math.sin(time / 500), 264, 200, 84);
    pen.fill();
    head(pen, x, y, person, time % 3600 < 140);
  }

  const devices = navigator.mediaDevices;
  const real = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (wanted) => {
    if (!wanted.video) return real(wanted);
    const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
    const pen = canvas.getContext("2d");
    const person = PEOPLE[look % PEOPLE.length];
    const timer = setInterval(() => draw(pen, person, performance.now()), 80);
    const stream = canvas.captureStream(12);
    stream.getVideoTracks()[0].addEventListener("ended", () => clearInterval(timer));
    return stream;
  };
})(LOOK);
