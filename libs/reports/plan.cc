#include "libs/reports/plan.h"

namespace quotaplane::reports {
namespace {

constexpr int64_t kHourUs = int64_t{3'600} * 1'000'000;
constexpr int64_t kDayUs = 24 * kHourUs;

int64_t Floor(int64_t us, int64_t width_us) {
  const int64_t past = us % width_us;
  return us - (past < 0 ? past + width_us : past);
}

int64_t Ceiling(int64_t us, int64_t width_us) { return -Floor(-us, width_us); }

void Add(int64_t period, const Range& range, std::vector<Slice>* slices) {
  if (range.from_us < range.to_us) slices->push_back({period, range});
}

// Gives the whole units of `range` to `whole`, and what is before and after them to `rest`.
template <typename Rest>
void Cut(int64_t period, const Range& range, int64_t width_us, std::vector<Slice>* whole,
         Rest rest) {
  const Range inner = {Ceiling(range.from_us, width_us), Floor(range.to_us, width_us)};
  if (inner.from_us >= inner.to_us) return rest(range);
  rest({range.from_us, inner.from_us});
  Add(period, inner, whole);
  rest({inner.to_us, range.to_us});
}

}  // namespace

Plan PlanOf(const std::vector<Range>& periods, bool entries_only) {
  Plan plan;
  int64_t number = 0;
  for (const Range& range : periods) {
    const int64_t period = number++;
    if (entries_only) {
      Add(period, range, &plan.entries);
      continue;
    }
    Cut(period, range, kDayUs, &plan.days, [&](const Range& left) {
      Cut(period, left, kHourUs, &plan.hours,
          [&](const Range& edge) { Add(period, edge, &plan.entries); });
    });
  }
  return plan;
}

}  // namespace quotaplane::reports
