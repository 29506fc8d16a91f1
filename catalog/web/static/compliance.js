// Draws the trend of the monthly report from the report's own JSON; the table beneath it says the same.
"use strict";

(async () => {
  const place = document.querySelector(".chart[data-source]");
  if (!place || !window.echarts) return;
  const answer = await fetch(place.dataset.source, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const { trend } = await answer.json();
  const months = Object.keys(trend);
  place.hidden = false;
  const chart = window.echarts.init(place);
  chart.setOption({
    animation: false,
    grid: { left: 44, right: 20, top: 24, bottom: 28 },
    tooltip: { trigger: "axis" },
    xAxis: { type: "category", data: months },
    yAxis: { type: "value", min: 0, max: 100 },
    series: [{
      name: place.dataset.name,
      type: "line",
      symbolSize: 7,
      data: months.map((month) => trend[month][""]),
      lineStyle: { width: 2, color: "#0958d9" },
      itemStyle: { color: "#0958d9" },
      areaStyle: { color: "rgba(9, 88, 217, 0.08)" },
    }],
  });
  window.addEventListener("resize", () => chart.resize());
})();
