"use strict";
(() => {
  /* px: the height of a row, as in the style sheet */
  const narrow = matchMedia("(max-width: 640px)");
  const rowHeight = () => (narrow.matches ? 104 : 32);
  const AROUND = 12;
  const byId = (id) => document.getElementById(id);

  /* light or dark: as the system has it until the button is used */
  const theme = byId("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  const label = () => {
    theme.textContent = isDark() ? "Light" : "Dark";
    theme.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
  };
  theme.hidden = false;
  theme.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    label();
  });
  dark.addEventListener("change", label);
  label();

  /* frames take the keyboard's focus only while there is something to scroll */
  const frames = document.querySelectorAll(".frame");
  const focusable = () => {
    for (const frame of frames) {
      const scrolls = frame.scrollWidth > frame.clientWidth || frame.scrollHeight > frame.clientHeight;
      if (scrolls) frame.tabIndex = 0;
      else frame.removeAttribute("tabindex");
    }
  };
  addEventListener("resize", focusable);

  const frame = byId("rows-frame");
  if (!frame) return focusable();
  const data = JSON.parse(byId("rows-data").textContent);
  const count = data.n.length;
  const table = byId("rows-table");
  const body = table.tBodies[0];
  const form = byId("filters");
  const number = new Intl.NumberFormat("en-US");
  const number4 = new Intl.NumberFormat("en-US", { minimumFractionDigits: 4, maximumFractionDigits: 4 });

  const names = new Array(count);
  const places = new Array(count);
  for (let i = 0, name = ""; i < count; i++) {
    name = name.slice(0, data.p[i]) + data.n[i];
    names[i] = name;
    places[i] = data.folders[data.d[i]] + name;
  }
  const small = places.map((place) => place.toLowerCase());
  const weight = { error: 1e6, warning: 1e3, info: 1 };
  const weights = data.sets.map((set) => set.reduce((sum, kind) => sum + weight[data.kinds[kind][1]], 0));
  const errors = weights.map((sum) => Math.floor(sum / 1e6));
  const warnings = weights.map((sum) => Math.floor((sum % 1e6) / 1e3));

  /* how rows compare, smallest first; what is not known always comes last */
  const compared = {
    place: (a, b) => a - b,
    f: (a, b) => (data.formats[data.f[a]] < data.formats[data.f[b]] ? -1 : data.f[a] === data.f[b] ? 0 : 1),
    s: (a, b) => weights[data.s[a]] - weights[data.s[b]],
  };
  /* what is sorted by but not in a column of the data */
  const pixels = (widths, heights) => widths.map((width, i) => (width === null ? null : width * heights[i]));
  const sortable = { size: pixels(data.w, data.h), plan: pixels(data.x, data.y), cost: data.t };
  const money = (tokens) => {
    if (tokens === null || data.price === null) return "";
    const usd = (tokens * data.price) / 1e6;
    return usd > 0 && usd < 0.0001 ? "< $0.0001" : `$${number4.format(usd)}`;
  };
  const edges = (width, height) => (width === null ? "" : `${width}×${height}`);
  const worst = (a, b) =>
    errors[data.s[b]] - errors[data.s[a]] ||
    (data.b[b] ?? -1) - (data.b[a] ?? -1) ||
    warnings[data.s[b]] - warnings[data.s[a]] ||
    a - b;
  const ordered = (rows, key, direction) => {
    if (!key) return rows.sort(worst);
    const compare = compared[key];
    if (compare) return rows.sort((a, b) => direction * compare(a, b) || a - b);
    const column = sortable[key] || data[key];
    return rows.sort((a, b) => {
      const one = column[a];
      const other = column[b];
      if (one === null || other === null) return (one === null) - (other === null) || a - b;
      return direction * (one - other) || a - b;
    });
  };

  let rows = Array.from({ length: count }, (_, i) => i);
  let key = "";
  let direction = 1;
  let drawn = "";

  const put = (row, name, text, label) => {
    const cell = document.createElement(name);
    if (label) {
      cell.className = "n";
      cell.dataset.label = label;
    }
    cell.textContent = text;
    row.append(cell);
    return cell;
  };
  const tag = (kind) => {
    const [code, severity] = data.kinds[kind];
    const page = data.pages[code];
    const link = document.createElement(page && page[1] ? "a" : "span");
    link.className = `tag ${severity}`;
    link.textContent = code;
    if (page) link.title = page[0];
    if (page && page[1]) {
      link.href = page[1];
      link.rel = "noreferrer";
    }
    return link;
  };
  const drawRow = (i, at) => {
    const row = document.createElement("tr");
    row.setAttribute("aria-rowindex", at + 2);
    const head = put(row, "th", "");
    head.scope = "row";
    head.title = places[i];
    put(head, "bdi", names[i]);
    put(put(head, "small", ""), "bdi", data.folders[data.d[i]]);
    head.insertBefore(document.createTextNode(" "), head.lastChild);
    put(row, "td", data.formats[data.f[i]]);
    put(row, "td", edges(data.w[i], data.h[i]), "px");
    put(row, "td", edges(data.x[i], data.y[i]), "planned");
    for (const [column, label] of [["b", "bytes"], ["t", "tokens"], ["a", "after plan"]]) {
      const value = data[column][i];
      put(row, "td", value === null ? "" : number.format(value), label);
    }
    put(row, "td", money(data.t[i]), "cost");
    put(row, "td", data.q[i] === null ? "" : String(data.q[i]), "quality");
    const findings = put(row, "td", "");
    for (const kind of data.sets[data.s[i]]) findings.append(tag(kind), " ");
    return row;
  };
  const gap = (height) => {
    const row = document.createElement("tr");
    row.className = "gap";
    row.setAttribute("aria-hidden", "true");
    const cell = document.createElement("td");
    cell.colSpan = 10;
    cell.style.height = `${height}px`;
    row.append(cell);
    return row;
  };

  /* only the rows in sight, and some around them, are in the document */
  const draw = () => {
    const first = Math.max(0, Math.floor(frame.scrollTop / rowHeight()) - AROUND);
    const last = Math.min(rows.length, Math.ceil((frame.scrollTop + frame.clientHeight) / rowHeight()) + AROUND);
    const now = `${first} ${last}`;
    if (now === drawn) return;
    drawn = now;
    const parts = [];
    if (first > 0) parts.push(gap(first * rowHeight()));
    for (let at = first; at < last; at++) parts.push(drawRow(rows[at], at));
    if (last < rows.length) parts.push(gap((rows.length - last) * rowHeight()));
    body.replaceChildren(...parts);
  };
  const restart = () => {
    drawn = "";
    frame.scrollTop = 0;
    draw();
    table.setAttribute("aria-rowcount", rows.length + 1);
    byId("filter-count").textContent =
      rows.length === count ? `${number.format(count)} rows` : `${number.format(rows.length)} of ${number.format(count)} rows`;
  };

  const wanted = { name: byId("filter-name"), code: byId("filter-code"), format: byId("filter-format") };
  const filter = () => {
    const text = wanted.name.value.toLowerCase();
    const code = wanted.code.value;
    const format = wanted.format.value;
    const sets = data.sets.map((set) =>
      !code || (code === "none" ? !set.length : set.some((kind) => data.kinds[kind][0] === code)));
    rows = [];
    for (let i = 0; i < count; i++) {
      if (!sets[data.s[i]] || (format && String(data.f[i]) !== format)) continue;
      if (text && !small[i].includes(text)) continue;
      rows.push(i);
    }
    ordered(rows, key, direction);
    restart();
  };
  const option = (select, value, text) => select.append(new Option(text, value));
  option(wanted.code, "", "any");
  for (const code of Array.from(new Set(data.kinds.map((kind) => kind[0]))).sort()) {
    option(wanted.code, code, data.pages[code] ? `${code} ${data.pages[code][0]}` : code);
  }
  option(wanted.code, "none", "none");
  option(wanted.format, "", "any");
  data.formats.map((name, i) => [name || "no image", i]).sort().forEach(([name, i]) => option(wanted.format, String(i), name));

  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const mine = head.dataset.key;
      const down = head.classList.contains("n") || mine === "s" ? -1 : 1;
      direction = key === mine ? -direction : down;
      key = mine;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      ordered(rows, key, direction);
      restart();
    });
  }
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  frame.addEventListener("scroll", draw);
  addEventListener("resize", draw);
  narrow.addEventListener("change", restart);

  /* on paper: the first rows, as without a script */
  addEventListener("beforeprint", () => {
    body.replaceChildren(...rows.slice(0, 100).map(drawRow));
  });
  addEventListener("afterprint", () => {
    drawn = "";
    draw();
  });
  ordered(rows, key, direction);
  restart();
  focusable();
})();
