// The recording: plays, seeks, mutes a side, and keeps the words in step.

import { duration } from "./dom.js";
import { Waveform } from "./waveform.js";

const FOLLOW_AGAIN_MS = 4000;

/** Ties the player's controls, the waveform and the words of `body` together; returns its end. */
export function startPlayer(body) {
  const box = body.querySelector("#player");
  const audio = box.querySelector("[data-audio]");
  const canvas = box.querySelector("[data-wave]");
  const hint = box.querySelector("[data-wave-hint]");
  const playButton = box.querySelector("[data-play]");
  const speed = box.querySelector("[data-speed]");
  const follow = box.querySelector("[data-follow]");
  const problem = box.querySelector("[data-player-problem]");
  const wave = new Waveform(canvas);
  const over = new AbortController();
  const on = (target, name, handle) => target.addEventListener(name, handle, { signal: over.signal });

  const words = [...body.querySelectorAll("#timeline .w")]
    .map((node) => ({ node, from: Number(node.dataset.s), to: Number(node.dataset.e) }))
    .filter((word) => word.to > word.from && !word.node.closest("del"))
    .sort((one, two) => one.from - two.from);
  const turns = [...body.querySelectorAll("#timeline .turn")].map((node) => ({
    node, from: Number(node.dataset.from), to: Number(node.dataset.to),
  }));
  wave.marks = [...body.querySelectorAll("#timeline .turn.agent.is-interrupted")].map((node) =>
    Number(node.dataset.to),
  );

  // ---- position

  let wordNow = null;
  let scrolledAt = 0;
  const positionMs = () => audio.currentTime * 1000;

  function wordAt(ms) {
    let low = 0;
    let high = words.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (words[middle].from <= ms) low = middle + 1;
      else high = middle - 1;
    }
    const word = words[high];
    return word && ms < word.to + 80 ? word : null;
  }

  function show() {
    const ms = positionMs();
    wave.positionMs = ms;
    wave.draw();
    const text = duration(ms);
    box.querySelector("[data-position]").textContent = text;
    canvas.setAttribute("aria-valuenow", String(Math.floor(ms / 1000)));
    canvas.setAttribute("aria-valuetext", text);
    const isStarted = ms > 0 || !audio.paused;
    const word = isStarted ? wordAt(ms) : null;
    if (word !== wordNow) {
      wordNow?.node.classList.remove("is-now");
      word?.node.classList.add("is-now");
      wordNow = word;
    }
    for (const turn of turns) {
      const isNow = isStarted && turn.from <= ms && ms < Math.max(turn.to, turn.from + 300);
      if (turn.node.classList.toggle("is-now", isNow) && isNow && !turn.wasNow) keepInView(turn.node);
      turn.wasNow = isNow;
    }
  }

  function keepInView(node) {
    if (!follow.checked || audio.paused || Date.now() - scrolledAt < FOLLOW_AGAIN_MS) return;
    const top = box.getBoundingClientRect().bottom;
    const place = node.getBoundingClientRect();
    if (place.top < top + 8 || place.bottom > innerHeight - 24) {
      scrollBy({ top: place.top - top - 40, behavior: "smooth" });
    }
  }
  for (const name of ["wheel", "touchmove"]) on(window, name, () => (scrolledAt = Date.now()));

  function frame() {
    show();
    if (!audio.paused && !over.signal.aborted) requestAnimationFrame(frame);
  }

  function seek(ms) {
    audio.currentTime = Math.max(0, Math.min(ms, wave.durationMs || Infinity)) / 1000;
    show();
  }

  // ---- sound: each side through its own gain, both to both ears

  let sound = null;

  function gains() {
    if (sound) return sound;
    const context = new AudioContext();
    const source = context.createMediaElementSource(audio);
    const split = context.createChannelSplitter(2);
    source.connect(split);
    const both = [0, 1].map((channel) => {
      const gain = context.createGain();
      split.connect(gain, channel);
      gain.connect(context.destination);
      return gain;
    });
    sound = { context, both };
    wave.muted.forEach((isMuted, channel) => (both[channel].gain.value = isMuted ? 0 : 1));
    return sound;
  }

  function toggleChannel(channel) {
    const button = box.querySelector(`[data-channel="${channel}"]`);
    wave.muted[channel] = !wave.muted[channel];
    button.setAttribute("aria-pressed", String(!wave.muted[channel]));
    if (sound) sound.both[channel].gain.value = wave.muted[channel] ? 0 : 1;
    wave.draw();
  }

  async function play() {
    try {
      await gains().context.resume();
      await audio.play();
    } catch (error) {
      if (error.name !== "AbortError") problem.textContent = "This recording cannot be played.";
    }
  }

  const playOrPause = () => (audio.paused ? play() : audio.pause());

  function showPlaying() {
    const use = playButton.querySelector("use");
    const name = audio.paused ? "play" : "pause";
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${name}`));
    playButton.setAttribute("aria-label", audio.paused ? "Play" : "Pause");
    box.classList.toggle("is-playing", !audio.paused);
    if (!audio.paused) requestAnimationFrame(frame);
    else show();
  }

  // ---- controls

  on(playButton, "click", playOrPause);
  for (const name of ["play", "pause", "ended"]) on(audio, name, showPlaying);
  on(audio, "seeked", show);
  on(audio, "error", () => (problem.textContent = "The recording cannot be read."));
  on(speed, "change", () => (audio.playbackRate = Number(speed.value)));
  for (const button of box.querySelectorAll("[data-channel]")) {
    on(button, "click", () => toggleChannel(Number(button.dataset.channel)));
  }
  on(document, "trunkline:theme", () => wave.draw());
  on(matchMedia("(prefers-color-scheme: dark)"), "change", () => wave.draw());

  let isDragging = false;
  on(canvas, "pointerdown", (event) => {
    isDragging = true;
    canvas.setPointerCapture(event.pointerId);
    seek(wave.msAt(event.clientX));
  });
  on(canvas, "pointermove", (event) => {
    const ms = wave.msAt(event.clientX);
    hint.hidden = false;
    hint.textContent = duration(ms);
    hint.style.left = `${(ms / (wave.durationMs || 1)) * 100}%`;
    if (isDragging) seek(ms);
  });
  on(canvas, "pointerup", () => (isDragging = false));
  on(canvas, "pointercancel", () => (isDragging = false));
  on(canvas, "pointerleave", () => (hint.hidden = true));

  on(body, "click", (event) => {
    const at = event.target.closest("[data-seek]");
    const word = event.target.closest(".w");
    if (!at && (!word || String(getSelection()))) return;
    seek(Number(at ? at.dataset.seek : word.dataset.s));
    play();
  });

  on(document, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest?.("input, select, textarea, summary") || document.querySelector("dialog[open]")) return;
    const onButton = event.target.closest?.("button, a");
    switch (event.key) {
      case " ":
        if (onButton) return;
        playOrPause();
        break;
      case "ArrowLeft": seek(positionMs() - 5000); break;
      case "ArrowRight": seek(positionMs() + 5000); break;
      case "Home": if (event.target !== canvas) return; seek(0); break;
      case "End": if (event.target !== canvas) return; seek(wave.durationMs); break;
      case "1": toggleChannel(0); break;
      case "2": toggleChannel(1); break;
      case "s":
        speed.selectedIndex = (speed.selectedIndex + 1) % speed.options.length;
        speed.dispatchEvent(new Event("change"));
        break;
      default: return;
    }
    event.preventDefault();
  });

  wave.durationMs = Number(box.dataset.duration);
  fetch(box.dataset.peaks, { signal: over.signal })
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.status))))
    .then((peaks) => {
      wave.load(peaks);
      box.classList.add("has-peaks");
      const from = Number(new URLSearchParams(location.search).get("t"));
      if (from > 0) seek(from * 1000);
    })
    .catch((error) => {
      if (error.name !== "AbortError") problem.textContent = "The waveform cannot be shown.";
    });

  return () => {
    over.abort();
    audio.pause();
    wave.close();
    sound?.context.close();
  };
}
