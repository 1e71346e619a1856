// Recorded playback: where one recording ends, the next begins. Without this script each is opened from the list.

const video = document.getElementById("video");
const rows = [...document.querySelectorAll("li[data-source]")];
video?.addEventListener("ended", () => {
  const at = rows.findIndex((row) => row.hasAttribute("aria-current"));
  const next = rows[at + 1];
  if (!next) return;
  rows[at]?.removeAttribute("aria-current");
  next.setAttribute("aria-current", "true");
  video.src = next.dataset.source;
  video.play();
});
