// Recorded playback: where one recording ends, the next begins, but not beyond the minute that was asked for.
// Without this script each is opened from the list.

const video = document.getElementById("video");
const rows = [...document.querySelectorAll("li[data-source]")];
video?.addEventListener("ended", () => {
  const at = rows.findIndex((row) => row.hasAttribute("aria-current"));
  const [here, next] = [rows[at], rows[at + 1]];
  if (!next || ("inside" in here.dataset && !("inside" in next.dataset))) return;
  here.removeAttribute("aria-current");
  next.setAttribute("aria-current", "true");
  video.src = next.dataset.source;
  video.play();
});
