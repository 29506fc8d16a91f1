// Draws the quality trend; the same figures are in the table below it.
"use strict";

document.querySelectorAll("[data-trend]").forEach((place) => {
  if (!window.echarts) return;
  const publishes = JSON.parse(place.dataset.trend);
  const dimensions = [...new Set(publishes.flatMap((publish) => Object.keys(publish.scores)))];
  const chart = window.echarts.init(place, null, { renderer: "svg" });
  const lowest = Math.min(...publishes.flatMap((publish) => Object.values(publish.scores)));
  chart.setOption({
    animation: false,
    grid: { left: 44, right: 20, top: 40, bottom: 28 },
    legend: { top: 0, itemWidth: 14, textStyle: { fontSize: 12 } },
    tooltip: { trigger: "axis", renderMode: "richText" },
    xAxis: { type: "category", data: publishes.map((publish) => publish.at) },
    yAxis: { type: "value", min: Math.max(0, Math.floor(lowest / 10) * 10 - 10), max: 100 },
    series: dimensions.map((name) => ({
      name, type: "line", symbolSize: 6, lineStyle: { width: name === place.dataset.whole ? 3 : 1.5 },
      data: publishes.map((publish) => publish.scores[name] ?? null),
    })),
  });
  new ResizeObserver(() => chart.resize()).observe(place);
  place.hidden = false;
});
