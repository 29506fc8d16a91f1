// Draws the quality trend; the same figures are in the table below it.
"use strict";

const COLOURS = ["#0b5cd6", "#c2410c", "#15803d", "#7c3aed", "#0e7490", "#a16207", "#be185d"];

// The vendored build has no legend of its own.
function legend(names) {
  const list = document.createElement("ul");
  list.className = "legend";
  list.setAttribute("aria-hidden", "true");
  list.append(...names.map((name, place) => {
    const line = document.createElement("li");
    const swatch = document.createElement("span");
    swatch.style.background = COLOURS[place % COLOURS.length];
    line.append(swatch, name);
    return line;
  }));
  return list;
}

document.querySelectorAll("[data-trend]").forEach((place) => {
  if (!window.echarts) return;
  const publishes = JSON.parse(place.dataset.trend);
  const dimensions = [...new Set(publishes.flatMap((publish) => Object.keys(publish.scores)))];
  const chart = window.echarts.init(place, null, { renderer: "svg" });
  const lowest = Math.min(...publishes.flatMap((publish) => Object.values(publish.scores)));
  chart.setOption({
    animation: false,
    color: COLOURS,
    grid: { left: 44, right: 20, top: 14, bottom: 28 },
    tooltip: { trigger: "axis", renderMode: "richText" },
    xAxis: { type: "category", data: publishes.map((publish) => publish.at) },
    yAxis: { type: "value", min: Math.max(0, Math.floor(lowest / 10) * 10 - 10), max: 100 },
    series: dimensions.map((name) => ({
      name, type: "line", symbolSize: 6, lineStyle: { width: name === place.dataset.whole ? 3 : 1.5 },
      data: publishes.map((publish) => publish.scores[name] ?? null),
    })),
  });
  new ResizeObserver(() => chart.resize()).observe(place);
  place.before(legend(dimensions));
  place.hidden = false;
});
