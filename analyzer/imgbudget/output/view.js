"use strict";
(() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const sections = [...document.querySelectorAll("main > section")];
  const choices = [...document.querySelectorAll("#views button")];
  const frames = [...document.querySelectorAll(".frame")];
  const state = byId("state");
  let current = Math.min(1, sections.length - 1);
  let zoom = 1;

  /* light or dark: as the system has it until the button is used */
  const theme = byId("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  const label = () => {
    theme.textContent = isDark() ? "Light" : "Dark";
    theme.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
  };
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    label();
  });
  dark.addEventListener("change", label);

  const show = (number) => {
    current = (number + sections.length) % sections.length;
    sections.forEach((section, at) => { section.hidden = at !== current; });
    choices.forEach((choice, at) => choice.setAttribute("aria-pressed", String(at === current)));
    scale();
  };

  /* zoom 1 fits the width of the frame; a frame takes the keyboard's focus only while it scrolls */
  const scale = () => {
    for (const frame of frames) {
      const picture = frame.querySelector("svg");
      const natural = Number(picture.getAttribute("width"));
      if (zoom === 1 || !frame.clientWidth) {
        picture.style.maxWidth = picture.style.width = "";
      } else {
        picture.style.maxWidth = "none";
        picture.style.width = `${Math.min(natural, frame.clientWidth) * zoom}px`;
      }
      const scrolls = frame.scrollWidth > frame.clientWidth || frame.scrollHeight > frame.clientHeight;
      if (scrolls) frame.tabIndex = 0;
      else frame.removeAttribute("tabindex");
    }
    byId("zoom").textContent = `${Math.round(zoom * 100)} %`;
  };
  const zoomBy = (factor) => {
    zoom = Math.min(Math.max(zoom * factor, 0.25), 16);
    if (Math.abs(zoom - 1) < 0.01) zoom = 1;
    const frame = sections[current].querySelector(".frame");
    const middle = frame && (frame.scrollLeft + frame.clientWidth / 2) / frame.scrollWidth;
    const height = frame && (frame.scrollTop + frame.clientHeight / 2) / frame.scrollHeight;
    scale();
    if (!frame) return;
    frame.scrollLeft = middle * frame.scrollWidth - frame.clientWidth / 2;
    frame.scrollTop = height * frame.scrollHeight - frame.clientHeight / 2;
  };
  const toggle = (button, name) => {
    if (!button) return;
    const off = root.classList.toggle(name);
    button.setAttribute("aria-pressed", String(!off));
  };

  const actions = {
    g: () => toggle(byId("grid"), "no-grid"),
    t: () => toggle(byId("boxes"), "no-boxes"),
    "+": () => zoomBy(1.25),
    "=": () => zoomBy(1.25),
    "-": () => zoomBy(0.8),
    0: () => zoomBy(1 / zoom),
    ArrowRight: () => show(current + 1),
    ArrowLeft: () => show(current - 1),
  };
  const press = (id, key) => byId(id)?.addEventListener("click", actions[key]);
  press("grid", "g");
  press("boxes", "t");
  press("in", "+");
  press("out", "-");
  press("zoom", "0");
  choices.forEach((choice, at) => choice.addEventListener("click", () => show(at)));
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const frame = event.target.closest?.(".frame, .wide");
    if (event.key.startsWith("Arrow") && frame && frame.scrollWidth > frame.clientWidth) return;
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
    if (event.key.startsWith("Arrow")) state.textContent = choices[current].textContent;
  });
  addEventListener("resize", scale);

  byId("tools").hidden = false;
  label();
  show(current);
})();
