// The console's own script: charts, news, and nothing else. Every page works without it.
"use strict";

(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const drawn = new Map();

  // ---- time of the town, whatever the browser's own zone is ----
  const clock = (zone) => {
    const parts = new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", month: "numeric", day: "numeric", hour: "numeric", minute: "2-digit",
    });
    return (seconds) => Object.fromEntries(parts.formatToParts(seconds * 1000).map((p) => [p.type, p.value]));
  };
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const dayText = (ja, t) => (ja ? `${t.month}/${t.day}` : `${t.day} ${MONTHS[t.month - 1]}`);
  const hourText = (ja, t) => (ja ? `${Number(t.hour)}時` : `${t.hour.padStart(2, "0")}:00`);
  const fullText = (ja, t) => `${dayText(ja, t)} ${ja ? Number(t.hour) : t.hour.padStart(2, "0")}:${t.minute}`;

  const wholeHours = (from, to, at) => {
    const found = [];
    for (let s = Math.ceil(from / 3600) * 3600; s <= to; s += 3600) found.push([s, Number(at(s).hour)]);
    return found;
  };

  const marksOf = (hours, width) => {
    const span = hours.length || 1;
    for (const step of [1, 3, 6, 12]) {
      if (span / step <= width / 64) return hours.filter(([, h]) => h % step === 0).map(([s]) => s);
    }
    const midnights = hours.filter(([, h]) => h === 0).map(([s]) => s);
    const every = Math.ceil(midnights.length / Math.max(1, width / 64));
    return midnights.filter((_, i) => i % every === 0);
  };

  const nightsOf = (from, to, hours) => {
    const found = [];
    let began = null;
    for (const [s, h] of [[from, hours.length ? (hours[0][1] + 23) % 24 : 12], ...hours]) {
      const night = h >= 18 || h < 6;
      if (night && began === null) began = s;
      if (!night && began !== null) { found.push([began, s]); began = null; }
    }
    if (began !== null) found.push([began, to]);
    return found;
  };

  // ---- one chart ----
  const withGaps = (times, values, gap, from, to) => {
    const xs = [], ys = [], gaps = [];
    const note = (a, b) => { if (b - a > gap) gaps.push([a, b]); };
    times.forEach((t, i) => {
      const before = i ? times[i - 1] : from;
      if (t - before > gap) {
        note(before, t);
        if (i) { xs.push(before + (t - before) / 2); ys.push(null); }
      }
      xs.push(t); ys.push(values[i]);
    });
    if (times.length) note(times[times.length - 1], to);
    return { xs, ys, gaps };
  };

  const hatch = (context, colour, ratio) => {
    const size = Math.round(7 * ratio);
    const tile = document.createElement("canvas");
    tile.width = tile.height = size;
    const pen = tile.getContext("2d");
    pen.strokeStyle = colour;
    pen.lineWidth = 1.2 * ratio;
    pen.beginPath();
    for (const d of [-size, 0, size]) { pen.moveTo(d, size); pen.lineTo(d + size, 0); }
    pen.stroke();
    return context.createPattern(tile, "repeat");
  };

  const label = (u, text, x, y, colour, align, bold) => {
    const r = devicePixelRatio || 1;
    u.ctx.save();
    u.ctx.font = `${bold ? 700 : 400} ${13 * r}px ${css("--font")}`;
    u.ctx.textAlign = align;
    u.ctx.textBaseline = "middle";
    u.ctx.lineWidth = 4 * r;
    u.ctx.lineJoin = "round";
    u.ctx.strokeStyle = css("--surface");
    u.ctx.strokeText(text, x, y);
    u.ctx.fillStyle = colour;
    u.ctx.fillText(text, x, y);
    u.ctx.restore();
  };

  const line = (u, x1, y1, x2, y2, colour, width, dash) => {
    const r = devicePixelRatio || 1;
    u.ctx.save();
    u.ctx.beginPath();
    u.ctx.rect(u.bbox.left, u.bbox.top - 1, u.bbox.width + r, u.bbox.height + 2);
    u.ctx.clip();
    u.ctx.strokeStyle = colour;
    u.ctx.lineWidth = width * r;
    u.ctx.setLineDash(dash.map((d) => d * r));
    u.ctx.beginPath();
    u.ctx.moveTo(x1, y1);
    u.ctx.lineTo(x2, y2);
    u.ctx.stroke();
    u.ctx.restore();
  };

  const ground = (u, spans, fill, edge) => {
    const r = devicePixelRatio || 1;
    const right = u.bbox.left + u.bbox.width;
    for (const [a, b] of spans) {
      const x1 = Math.max(u.bbox.left, u.valToPos(a, "x", true));
      const x2 = Math.min(right, u.valToPos(b, "x", true));
      if (x2 <= x1) continue;
      u.ctx.save();
      u.ctx.fillStyle = fill;
      u.ctx.fillRect(x1, u.bbox.top, x2 - x1, u.bbox.height);
      if (edge) {
        u.ctx.strokeStyle = edge;
        u.ctx.lineWidth = r;
        u.ctx.setLineDash([4 * r, 3 * r]);
        u.ctx.strokeRect(x1, u.bbox.top, x2 - x1, u.bbox.height);
      }
      u.ctx.restore();
    }
  };

  const AMOUNTS = ["kg/m²", "cm", "", "mm", "min", "MB", "kB"];

  const rangeOf = (d, limit) => (u, low, high) => {
    if (d.kind !== "line") return [0, 1.15];
    let from = low ?? 0, to = high ?? 1;
    if (limit !== null) { from = Math.min(from, limit); to = Math.max(to, limit); }
    if (AMOUNTS.includes(d.unit)) from = Math.min(0, from);
    const least = Number(d.step) * 60; // noise of a sensor must not look like a mountain
    if (to - from < least) { const middle = (from + to) / 2; if (from !== 0) from = middle - least / 2; to = from + least; }
    const room = (to - from) * 0.08;
    return [from === 0 ? 0 : from - room, to + room];
  };

  const options = (box, d, data, width) => {
    const ja = d.lang === "ja", at = clock(d.zone);
    const from = Number(d.fromS), to = Number(d.toS);
    const hours = wholeHours(from, to, at);
    const marks = marksOf(hours, width - 60), nights = nightsOf(from, to, hours);
    const limit = d.limit === undefined ? null : Number(d.limit);
    const digits = (String(Number(d.step)).split(".")[1] || "").length;
    const number = (v) => v.toFixed(digits).replace("-", "−");
    const said = (v) => (d.unit ? `${number(v)}\u00a0${d.unit}` : number(v));
    const font = `12.5px ${css("--font")}`;
    const ink = css("--ink-2");
    const axis = { font, stroke: ink, ticks: { show: false }, border: { show: true, stroke: css("--line-strong"), width: 1 } };
    const paths = { event: uPlot.paths.bars({ size: [0.2, 2.5, 2.5] }), step: uPlot.paths.stepped({ align: 1 }) };
    return {
      width, height: 240, legend: { show: false }, padding: [14, 24, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
      scales: { x: { time: false, range: [from, to] }, y: { range: rangeOf(d, limit) } },
      axes: [
        { ...axis, size: 30, gap: 6, grid: { show: false }, splits: () => marks,
          values: (u, splits) => splits.map((s) => { const t = at(s); return Number(t.hour) === 0 ? dayText(ja, t) : hourText(ja, t); }) },
        { ...axis, size: 58, gap: 8, border: { show: false }, show: d.kind === "line",
          grid: { stroke: css("--chart-grid"), width: 1 },
          values: (u, splits) => splits.map((v) => {
            const whole = splits.length > 1 && splits[1] - splits[0] >= 1;
            const text = (whole ? String(Math.round(v)) : number(v)).replace("-", "−");
            return ["%", "°C"].includes(d.unit) ? text + d.unit : Number(text.replace("−", "-")).toLocaleString(d.lang).replace("-", "−");
          }) },
      ],
      series: [{}, {
        stroke: css("--chart-line"), fill: d.kind === "event" ? css("--chart-line") : undefined,
        width: 2.25, points: { show: data.xs.length < 40 && d.kind === "line" }, paths: paths[d.kind],
      }],
      hooks: {
        drawClear: [(u) => {
          ground(u, nights, css("--chart-night"));
          if (d.kind === "line") {
            const r = devicePixelRatio || 1;
            ground(u, data.gaps, hatch(u.ctx, css("--chart-gap"), r), css("--chart-gap"));
          }
        }],
        draw: [(u) => {
          const r = devicePixelRatio || 1;
          const left = u.bbox.left, right = left + u.bbox.width, top = u.bbox.top;
          for (const [a, b] of d.kind === "line" ? data.gaps : []) {
            const x1 = u.valToPos(a, "x", true), x2 = u.valToPos(b, "x", true);
            if (x2 - x1 > 60 * r) label(u, d.gapText, (x1 + x2) / 2, top + u.bbox.height - 16 * r, ink, "center");
          }
          if (limit !== null) {
            const y = u.valToPos(limit, "y", true);
            line(u, left, y, right, y, css("--urgent"), 1.5, [5, 4]);
            label(u, d.limitText, left + 6 * r, y - 10 * r, css("--urgent"), "left");
          }
          if (d.eventS) {
            const x = u.valToPos(Number(d.eventS), "x", true);
            line(u, x, top, x, top + u.bbox.height, css("--ink"), 1.5, []);
            label(u, d.eventText, x - 6 * r, top + 8 * r, css("--ink"), x > left + 120 * r ? "right" : "left", true);
          }
          const last = data.ys.length - 1;
          if (last >= 0 && data.ys[last] !== null && d.kind === "line") {
            const x = u.valToPos(data.xs[last], "x", true), y = u.valToPos(data.ys[last], "y", true);
            u.ctx.save();
            u.ctx.fillStyle = css("--surface");
            u.ctx.strokeStyle = css("--chart-line");
            u.ctx.lineWidth = 2.25 * r;
            u.ctx.beginPath();
            u.ctx.arc(x, y, 4.5 * r, 0, 7);
            u.ctx.fill();
            u.ctx.stroke();
            u.ctx.restore();
            const recent = to - data.xs[last] < Math.max(3600, Number(d.gapS));
            const text = recent ? `${d.nowText} ${said(data.ys[last])}` : said(data.ys[last]);
            const crowded = y - 14 * r < top + 8 * r || (limit !== null && Math.abs(u.valToPos(limit, "y", true) - y + 14 * r) < 18 * r);
            label(u, text, x - 8 * r, crowded ? y + 16 * r : y - 14 * r, css("--ink"), "right", true);
          }
        }],
        setCursor: [(u) => {
          const i = u.cursor.idx;
          const known = i !== null && i !== undefined && data.ys[i] !== null && data.ys[i] !== undefined;
          box.readout.textContent = known ? `${fullText(ja, at(data.xs[i]))}  ${said(data.ys[i])}` : "\u00a0";
        }],
      },
    };
  };

  const paint = (box) => {
    const state = drawn.get(box);
    if (!state || box.clientWidth < 50) return;
    if (state.plot) state.plot.destroy();
    const settings = options(box, box.dataset, state.data, box.clientWidth);
    state.plot = new uPlot(settings, [state.data.xs, state.data.ys], box);
    state.width = box.clientWidth;
  };

  const fail = (box) => {
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = box.dataset.failed;
    box.replaceWith(note);
  };

  const begin = async (box) => {
    if (drawn.has(box) || typeof uPlot === "undefined") return;
    drawn.set(box, null);
    box.readout = document.createElement("p");
    box.readout.className = "small muted";
    box.readout.setAttribute("aria-hidden", "true");
    box.readout.textContent = "\u00a0";
    box.after(box.readout);
    try {
      const answer = await fetch(box.dataset.src, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const { times, values } = await answer.json();
      const d = box.dataset;
      drawn.set(box, { data: withGaps(times, values, Number(d.gapS), Number(d.fromS), Number(d.toS)) });
      paint(box);
      box.dataset.drawn = "yes";
      new ResizeObserver(() => {
        if (Math.abs(box.clientWidth - drawn.get(box).width) > 1) paint(box);
      }).observe(box);
    } catch {
      fail(box);
    }
  };

  const charts = () => document.querySelectorAll(".uchart").forEach(begin);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach((_, box) => paint(box)));

  // ---- news: a line appears, nothing moves by itself ----
  const news = () => {
    const place = document.getElementById("news");
    if (!place || typeof EventSource === "undefined") return;
    const d = place.dataset, note = place.querySelector(".note"), voice = place.querySelector("[aria-live]");
    let changes = 0, heard = Date.now(), offline = false, over = false;
    const show = (text, link, href) => {
      note.replaceChildren();
      const said = document.createElement("span");
      said.textContent = text;
      note.append(said);
      if (link) {
        const a = document.createElement("a");
        a.href = href;
        a.textContent = link;
        note.append(a);
      }
      note.hidden = false;
    };
    const tell = () => {
      if (over) return show(d.ended, d.signIn, "/login");
      if (offline) {
        const when = new Date(heard).toLocaleTimeString(document.documentElement.lang, { timeZone: d.zone, hour: "numeric", minute: "2-digit" });
        return show(d.offline.replaceAll("{when}", when));
      }
      if (changes) return show(changes === 1 ? d.one : d.many.replaceAll("{n}", changes), d.show, location.href);
      note.hidden = true;
    };
    const source = new EventSource(d.src);
    const alive = () => { heard = Date.now(); if (offline) { offline = false; changes += 1; tell(); } };
    source.addEventListener("beat", alive);
    source.addEventListener("alert", (event) => {
      alive();
      const { what, alert } = JSON.parse(event.data);
      if (!["fired", "acknowledged", "resolved", "closed"].includes(what) || Date.now() < own) return;
      changes += 1;
      if (what === "fired" && alert.severity === "urgent") voice.textContent = d.urgent;
      tell();
    });
    source.addEventListener("end", () => { over = true; source.close(); tell(); });
    setInterval(() => { if (!over && !offline && Date.now() - heard > 40000) { offline = true; tell(); } }, 5000);
    addEventListener("pagehide", () => source.close());
  };

  // ---- an act of one's own: the page is anew, the eye and the keyboard stay at the act ----
  let own = 0;
  document.addEventListener("htmx:beforeRequest", () => { own = Date.now() + 5000; });
  document.addEventListener("htmx:afterSettle", () => {
    charts();
    const next = document.getElementById("next");
    if (next) next.focus({ preventScroll: true });
  });

  charts();
  news();
})();
