#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/hotpath/report.h"

namespace quotaplane::bench {
namespace {

// The plot: latency on a logarithmic axis from 10 µs to 100 ms, the share of samples per eighth of
// an octave upwards.
constexpr double kLeft = 60;
constexpr double kWidth = 860;
constexpr double kHeight = 170;
constexpr double kLowNs = 1e4;
constexpr double kHighNs = 1e8;
constexpr double kBinsPerOctave = 8;

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Latency of the hot path</title>
<style>
body { font: 14px/1.4 system-ui, sans-serif; color: #1f2933; max-width: 960px; margin: 2em auto; }
h2 { font-size: 15px; margin: 1.6em 0 .2em; }
svg text { font: 11px system-ui, sans-serif; fill: #52606d; }
.grid { stroke: #e4e7eb; }
.curve { fill-opacity: .12; stroke-width: 1.6; }
.mark { stroke-dasharray: 3 3; stroke-width: 1; }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .4em 0 1.2em; }
</style></head><body>
<h1>Latency of the hot path</h1>
)";

struct Curve {
  std::string name;
  std::string_view colour;
  const Histogram* latency;
};

std::string_view ColourOf(Operation operation) {
  constexpr std::string_view kColours[] = {"#7b8794", "#2563eb", "#d97706", "#059669"};
  return kColours[static_cast<size_t>(operation)];
}

double XOf(double ns) {
  const double share = std::log(ns / kLowNs) / std::log(kHighNs / kLowNs);
  return kLeft + kWidth * std::clamp(share, 0.0, 1.0);
}

// Shares of samples by bin; the first and last bin take what is outside.
std::vector<double> BinsOf(const Histogram& latency) {
  const auto bins = static_cast<size_t>(std::ceil(std::log2(kHighNs / kLowNs) * kBinsPerOctave));
  std::vector<double> shares(bins, 0.0);
  for (const Histogram::Bucket& bucket : latency.Buckets()) {
    const double middle =
        (static_cast<double>(bucket.low_ns) + static_cast<double>(bucket.high_ns)) / 2;
    const double bin = std::log2(std::max(middle, kLowNs) / kLowNs) * kBinsPerOctave;
    shares[std::min(static_cast<size_t>(bin), bins - 1)] += static_cast<double>(bucket.count);
  }
  for (double& share : shares) share /= static_cast<double>(std::max<int64_t>(1, latency.count()));
  return shares;
}

void AppendAxis(std::string* svg) {
  const std::pair<double, std::string_view> ticks[] = {
      {1e4, "10 µs"}, {1e5, "100 µs"}, {1e6, "1 ms"}, {1e7, "10 ms"}, {1e8, "100 ms"}};
  for (const auto& [ns, label] : ticks) {
    absl::StrAppendFormat(svg, R"(<line class="grid" x1="%.1f" x2="%.1f" y1="0" y2="%.0f"/>)",
                          XOf(ns), XOf(ns), kHeight);
    absl::StrAppendFormat(svg, R"(<text x="%.1f" y="%.0f" text-anchor="middle">%s</text>)", XOf(ns),
                          kHeight + 16, std::string(label));
  }
}

void AppendCurve(const Curve& curve, double tallest, std::string* svg) {
  std::string path = absl::StrFormat("M%.1f,%.1f", kLeft, kHeight);
  const std::vector<double> shares = BinsOf(*curve.latency);
  for (size_t i = 0; i < shares.size(); ++i) {
    const double left = XOf(kLowNs * std::exp2(static_cast<double>(i) / kBinsPerOctave));
    const double right = XOf(kLowNs * std::exp2(static_cast<double>(i + 1) / kBinsPerOctave));
    const double top = kHeight * (1 - shares[i] / tallest);
    absl::StrAppendFormat(&path, "L%.1f,%.1fL%.1f,%.1f", left, top, right, top);
  }
  const std::string colour(curve.colour);
  absl::StrAppendFormat(
      svg,
      R"(<path class="curve" stroke="%s" fill="%s" d="%sL%.1f,%.1fZ"><title>%s</title></path>)",
      colour, colour, path, kLeft + kWidth, kHeight, curve.name);
  const double p99 = XOf(static_cast<double>(curve.latency->ValueAt(0.99)));
  absl::StrAppendFormat(svg,
                        R"(<line class="mark" stroke="%s" x1="%.1f" x2="%.1f" y1="0" y2="%.0f"/>)",
                        colour, p99, p99, kHeight);
}

std::string Panel(const std::string& title, const std::vector<Curve>& curves) {
  double tallest = 1e-9;
  for (const Curve& curve : curves) {
    for (const double share : BinsOf(*curve.latency)) tallest = std::max(tallest, share);
  }
  std::string html = absl::StrCat("<h2>", title, "</h2>\n<div>");
  for (const Curve& curve : curves) {
    absl::StrAppendFormat(
        &html, R"(<span class="key" style="background:%s"></span>%s: p50 %.0f, p99 %.0f µs)",
        std::string(curve.colour), curve.name,
        static_cast<double>(curve.latency->ValueAt(0.5)) / 1e3,
        static_cast<double>(curve.latency->ValueAt(0.99)) / 1e3);
  }
  absl::StrAppendFormat(&html, "</div>\n<svg viewBox=\"0 0 %.0f %.0f\" width=\"100%%\">",
                        kLeft + kWidth + 40, kHeight + 24);
  AppendAxis(&html);
  for (const Curve& curve : curves) AppendCurve(curve, tallest, &html);
  return absl::StrCat(html, "</svg>\n");
}

}  // namespace

std::string HtmlPicture(const Results& results) {
  std::string html(kHead);
  absl::StrAppendFormat(
      &html,
      "<p>Commit %s, %s, %d cores, %s, Redis %s. Dashed: p99. Client, server and Redis share "
      "the machine.</p>\n",
      results.machine.commit, results.machine.cpu, results.machine.cores, results.machine.date,
      results.machine.redis);
  for (const int in_flight : kInFlightLevels) {
    std::vector<Curve> curves;
    for (const Operation operation : kOperations) {
      curves.push_back({NameOf(operation), ColourOf(operation),
                        &results.closed.at(operation).at(in_flight).latency});
    }
    html += Panel(absl::StrCat("Closed loop, ", in_flight, " in flight"), curves);
  }
  for (const OpenRow& row : results.open) {
    if (row.rate != kTargetPairsPerS) continue;
    html += Panel("Open loop, 2,500 pairs per second, from when each was due",
                  {{"reserve", ColourOf(Operation::kReserve), &row.pooled.reserve},
                   {"commit", ColourOf(Operation::kCommit), &row.pooled.commit},
                   {"pair", ColourOf(Operation::kPair), &row.pooled.pair}});
  }
  return absl::StrCat(html, "</body></html>\n");
}

}  // namespace quotaplane::bench
