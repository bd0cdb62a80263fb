// Fits each frame to its mail, up to a height, and loads the page again when the issue or the theme has changed.
const { version, theme } = document.body.dataset;
for (const frame of document.querySelectorAll("iframe")) {
  const fit = () => { frame.height = Math.min(900, frame.contentDocument?.documentElement.scrollHeight ?? 640); };
  frame.addEventListener("load", fit);
  if (frame.contentDocument?.readyState === "complete") fit();
}
let first = version;
setInterval(async () => {
  try {
    const answer = await fetch(`/version?theme=${encodeURIComponent(theme)}`);
    const now = await answer.text();
    if (first && now !== first) location.reload();
    first = first || now;
  } catch { /* The preview was stopped. */ }
}, 1000);
