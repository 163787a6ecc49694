#include "libs/reports/statement_chart.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "libs/reports/html_text.h"

namespace quotaplane::reports {
namespace {

// In the units of the viewBox.
constexpr int64_t kWidth = 1'000;
constexpr int64_t kLeft = 84;  // room for the axis' numbers
constexpr int64_t kRight = 6;
constexpr int64_t kTop = 12;
constexpr int64_t kPlot = 230;  // height
constexpr int64_t kBottom = 30;
constexpr int64_t kNano = 1'000'000'000;

int64_t Saturated(__int128 value) {
  return static_cast<int64_t>(std::min<__int128>(value, std::numeric_limits<int64_t>::max()));
}

// The highest bar.
int64_t Highest(const DaySeries& series) {
  __int128 highest = 0;
  for (size_t day = 0; day < series.days.size(); ++day) {
    __int128 sum = 0;
    for (const auto& costs : series.costs) sum += costs[day];
    highest = std::max(highest, sum);
  }
  return Saturated(highest);
}

// 1, 2 or 5 times a power of ten, so that at most five steps reach `highest`.
int64_t StepFor(int64_t highest) {
  for (__int128 power = 1;; power *= 10) {
    for (const int64_t factor : {1, 2, 5}) {
      if (power * factor * 5 >= highest) return Saturated(power * factor);
    }
  }
}

// As few decimals as tell the steps apart.
int DecimalsFor(int64_t step) {
  int decimals = 0;
  for (int64_t unit = kNano; decimals < 9 && step % unit != 0; unit /= 10) ++decimals;
  return decimals;
}

class Plot {
 public:
  Plot(const DaySeries& series, const std::string& unnamed)
      : series_(series), unnamed_(unnamed), step_(StepFor(Highest(series))) {
    const int64_t highest = Highest(series);
    top_ = step_;
    while (top_ < highest) top_ = Saturated(static_cast<__int128>(top_) + step_);
  }

  std::string Svg() {
    absl::StrAppend(&svg_, "<svg viewBox=\"0 0 ", kWidth, " ", kTop + kPlot + kBottom,
                    "\" role=\"img\" aria-label=\"Cost by day\">\n");
    Grid();
    for (size_t day = 0; day < series_.days.size(); ++day) Bar(day);
    svg_ += "</svg>\n";
    return std::move(svg_);
  }

 private:
  int64_t Y(__int128 cost) const {
    return kTop + kPlot - static_cast<int64_t>(cost * kPlot / top_);
  }
  int64_t X(size_t day) const {
    return kLeft + static_cast<int64_t>(day) * (kWidth - kLeft - kRight) /
                       static_cast<int64_t>(series_.days.size());
  }

  void Grid() {
    const int decimals = DecimalsFor(step_);
    for (__int128 at = 0; at <= top_; at += step_) {
      const int64_t y = Y(at);
      absl::StrAppend(&svg_, "<path class=\"", at == 0 ? "axis" : "grid", "\" d=\"M", kLeft, " ", y,
                      "H", kWidth - kRight, "\"/><text class=\"y\" x=\"", kLeft - 8, "\" y=\"",
                      y + 5, "\">", GroupedAmount(static_cast<int64_t>(at), decimals), "</text>\n");
    }
  }

  void Bar(size_t day) {
    const int64_t left = X(day) + 3, width = X(day + 1) - X(day) - 6;
    __int128 sum = 0;
    for (size_t i = 0; i < series_.costs.size(); ++i) {
      const int64_t cost = series_.costs[i][day];
      if (cost == 0) continue;
      const int64_t low = Y(sum), high = Y(sum += cost);
      absl::StrAppend(&svg_, "<rect class=\"s", ClassOf(i), "\" x=\"", left, "\" y=\"", high,
                      "\" width=\"", width, "\" height=\"", low - high, "\"><title>",
                      series_.days[day], " ", EscapeHtml(NameOf(i)), ": ", GroupedAmount(cost, 2),
                      " USD</title></rect>");
    }
    // The first, and each fifth day after it, has a label.
    if (day == 0 || (day + 1) % 5 == 0) {
      absl::StrAppend(&svg_, "<text class=\"x\" x=\"", left + width / 2, "\" y=\"",
                      kTop + kPlot + 22, "\">", day + 1, "</text>");
    }
    svg_ += '\n';
  }

 public:
  std::string Legend() const {
    std::string legend = "<ul class=\"legend\">";
    for (size_t i = 0; i < series_.names.size(); ++i) {
      absl::StrAppend(&legend, "<li><i class=\"s", ClassOf(i), "\"></i>", EscapeHtml(NameOf(i)),
                      "</li>");
    }
    return legend + "</ul>\n";
  }

 private:
  bool IsOthers(size_t i) const { return series_.others && i + 1 == series_.names.size(); }
  // The others are grey, always.
  std::string ClassOf(size_t i) const { return IsOthers(i) ? "x" : absl::StrCat(i); }
  std::string NameOf(size_t i) const {
    if (IsOthers(i)) return "all others";
    return series_.names[i].empty() ? unnamed_ : series_.names[i];
  }

  const DaySeries& series_;
  const std::string& unnamed_;
  const int64_t step_;
  int64_t top_ = 1;
  std::string svg_;
};

}  // namespace

std::string DayChart(const DaySeries& series, const std::string& unnamed) {
  Plot plot(series, unnamed);
  std::string svg = plot.Svg();
  return svg + plot.Legend();
}

}  // namespace quotaplane::reports
