for (const slider of document.querySelectorAll(".slider")) {
  const frames = [...slider.querySelectorAll(".frame")];
  const range = slider.querySelector("input"), output = slider.querySelector("output");
  const button = slider.querySelector("button");
  if (!range) continue;
  const show = () => {
    frames.forEach((frame, index) => { frame.hidden = index !== Number(range.value); });
    output.value = frames[range.value].dataset.label;
    range.setAttribute("aria-valuetext", output.value);
  };
  let timer = null;
  const stop = () => { clearInterval(timer); timer = null; button.textContent = "▶"; };
  const advance = () => {
    if (Number(range.value) === frames.length - 1) return stop();
    range.value = Number(range.value) + 1;
    show();
  };
  range.addEventListener("input", () => { stop(); show(); });
  button.addEventListener("click", () => {
    if (timer !== null) return stop();
    if (Number(range.value) === frames.length - 1) { range.value = 0; show(); }
    button.textContent = "❚❚";
    timer = setInterval(advance, 350);
  });
  show();
}
