// Draws the charts of a page from the JSON that stands beside them. Without it every figure is in a table.
(function () {
  "use strict";
  if (!window.LightweightCharts) return;
  var L = window.LightweightCharts;
  var drawn = [];

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function look() {
    return {
      layout: {
        attributionLogo: false,
        background: { type: "solid", color: "rgba(0,0,0,0)" },
        textColor: colour("--quiet"),
        fontFamily: getComputedStyle(document.body).fontFamily,
        fontSize: 12,
      },
      grid: { vertLines: { visible: false }, horzLines: { color: colour("--line") } },
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.12, bottom: 0.08 } },
      timeScale: { borderColor: colour("--line"), fixLeftEdge: true, fixRightEdge: true, minBarSpacing: 0.01 },
      crosshair: { mode: 0, vertLine: { color: colour("--quiet") }, horzLine: { color: colour("--quiet") } },
    };
  }

  function format(unit) {
    if (unit === "percent") {
      return { type: "custom", minMove: 0.1, formatter: function (x) { return x.toFixed(1).replace("-", "−") + "%"; } };
    }
    if (unit === "hours") {
      return { type: "custom", minMove: 1, formatter: function (x) { return Math.round(x).toLocaleString("en-US"); } };
    }
    return { type: "custom", minMove: 0.001, formatter: function (x) { return "$" + x.toFixed(2); } };
  }

  function lineLook(line) {
    var dots = line.style === "dots";
    return {
      color: colour("--c" + line.colour),
      lineWidth: line.main ? 3 : 2,
      lineType: line.style === "step" ? L.LineType.WithSteps : L.LineType.Simple,
      lineStyle: dots ? L.LineStyle.Dotted : L.LineStyle.Solid,
      pointMarkersVisible: dots || line.points.length < 3,
      pointMarkersRadius: 4,
      lastValueVisible: true,
      priceLineVisible: false,
    };
  }

  // The library spaces points, not days: a day without a figure keeps its place on the axis.
  function evenly(chart, data) {
    var days = [];
    data.lines.forEach(function (line) { line.points.forEach(function (point) { days.push(Date.parse(point[0])); }); });
    if (!days.length) return;
    var day = 86400000;
    var first = Math.min.apply(null, days), last = Math.max.apply(null, days);
    var margin = Math.ceil((last - first) / day / 40) + 1;
    var all = [];
    for (var at = first - margin * day; at <= last + margin * day; at += day) {
      all.push({ time: new Date(at).toISOString().slice(0, 10) });
    }
    chart.addSeries(L.LineSeries, { lastValueVisible: false, priceLineVisible: false, priceFormat: format(data.unit) }).setData(all);
  }

  function draw(box) {
    var source = document.getElementById(box.dataset.chart);
    if (!source) return;
    var data = JSON.parse(source.textContent);
    var chart = L.createChart(box, Object.assign({ autoSize: true }, look()));
    var keys = document.querySelectorAll("#" + box.dataset.chart + "-keys li");
    evenly(chart, data);
    var lines = data.lines.map(function (line, at) {
      var options = Object.assign(lineLook(line), { priceFormat: format(data.unit) });
      var series = chart.addSeries(L.LineSeries, options);
      series.setData(line.points.map(function (point) { return { time: point[0], value: point[1] }; }));
      if (line.main && data.marks.length) {
        L.createSeriesMarkers(series, data.marks.map(function (mark) {
          return {
            time: mark.day,
            position: mark.place === "above" ? "aboveBar" : "belowBar",
            shape: mark.place === "above" ? "arrowDown" : "arrowUp",
            color: colour("--text"),
            text: mark.text,
          };
        }));
      }
      if (keys[at]) toggle(keys[at], series);
      return series;
    });
    chart.subscribeCrosshairMove(function (moved) {
      lines.forEach(function (series, at) {
        var out = keys[at] && keys[at].querySelector("output");
        if (!out) return;
        var here = moved.seriesData.get(series);
        out.textContent = here ? format(data.unit).formatter(here.value) : "";
      });
    });
    chart.timeScale().fitContent();
    drawn.push({ chart: chart, lines: lines, data: data });
  }

  // A key of the chart hides and shows its line, by mouse and by keyboard.
  function toggle(key, series) {
    key.tabIndex = 0;
    key.setAttribute("role", "switch");
    key.parentElement.setAttribute("role", "group");
    key.parentElement.setAttribute("aria-label", "Lines of the chart");
    key.setAttribute("aria-checked", "true");
    function flip() {
      var shown = key.getAttribute("aria-checked") !== "true";
      key.setAttribute("aria-checked", String(shown));
      series.applyOptions({ visible: shown });
    }
    key.addEventListener("click", flip);
    key.addEventListener("keydown", function (event) {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); flip(); }
    });
  }

  document.querySelectorAll("[data-chart]").forEach(draw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () {
    drawn.forEach(function (one) {
      one.chart.applyOptions(look());
      one.lines.forEach(function (series, at) { series.applyOptions(lineLook(one.data.lines[at])); });
    });
  });
})();
