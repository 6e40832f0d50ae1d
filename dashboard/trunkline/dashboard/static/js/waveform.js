// Two lanes, caller above and agent below, drawn from peaks the server computed.

function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

export class Waveform {
  constructor(canvas) {
    this.canvas = canvas;
    this.lanes = [];
    this.marks = [];
    this.durationMs = 0;
    this.positionMs = 0;
    this.muted = [false, false];
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(canvas);
  }

  close() {
    this.observer.disconnect();
  }

  load(peaks) {
    this.durationMs = peaks.duration_ms;
    this.bucketMs = peaks.bucket_ms;
    this.lanes = peaks.channels.map(bytes);
    this.draw();
  }

  /** The loudest peak of `lane` between two moments, 0 to 1. */
  peak(lane, fromMs, toMs) {
    const first = Math.floor(fromMs / this.bucketMs);
    const last = Math.max(first + 1, Math.ceil(toMs / this.bucketMs));
    let loudest = 0;
    for (let i = first; i < last && i < lane.length; i += 1) loudest = Math.max(loudest, lane[i]);
    return loudest / 255;
  }

  msAt(clientX) {
    const box = this.canvas.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (clientX - box.left) / box.width));
    return share * this.durationMs;
  }

  draw() {
    const { canvas } = this;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width || !height) return;
    const scale = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (!this.durationMs) return;

    const lane = height / 2;
    const playedX = (this.positionMs / this.durationMs) * width;
    const colours = [colour("--caller"), colour("--agent")];
    pen.fillStyle = colour("--line");
    pen.fillRect(0, lane - 0.5, width, 1);

    const BAR = 2;
    const GAP = 1;
    this.lanes.slice(0, 2).forEach((peaks, number) => {
      const middle = lane * number + lane / 2;
      pen.fillStyle = colours[number];
      for (let x = 0; x < width; x += BAR + GAP) {
        const from = (x / width) * this.durationMs;
        const to = ((x + BAR + GAP) / width) * this.durationMs;
        const tall = Math.max(1, this.peak(peaks, from, to) * (lane - 8));
        pen.globalAlpha = (x < playedX ? 1 : 0.42) * (this.muted[number] ? 0.25 : 1);
        pen.fillRect(x, middle - tall / 2, BAR, tall);
      }
    });
    pen.globalAlpha = 1;

    // Where the caller cut the agent short.
    pen.fillStyle = colour("--wait");
    for (const ms of this.marks) {
      const x = (ms / this.durationMs) * width;
      pen.beginPath();
      pen.moveTo(x - 4, lane - 5);
      pen.lineTo(x + 4, lane - 5);
      pen.lineTo(x, lane + 2);
      pen.fill();
    }
    pen.fillStyle = colour("--text");
    pen.fillRect(Math.min(width - 1.5, Math.max(0, playedX - 0.75)), 0, 1.5, height);
  }
}
