// The last half minute of a call: what is played is what there was when play was pressed.

export function showTail(part) {
  for (const again of part.querySelectorAll("[data-tail-again]")) {
    if (again.dataset.ready) continue;
    again.dataset.ready = "yes";
    again.hidden = false;
    again.addEventListener("click", () => {
      const player = again.parentElement.querySelector("[data-tail]");
      const url = new URL(player.src);
      url.searchParams.set("t", Date.now());
      player.src = url.href;
      player.play();
    });
  }
}
