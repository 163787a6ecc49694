#include "libs/ledger/adjustment_shares.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/money/money.h"
#include "libs/pricing/price_book.h"

namespace quotaplane {
namespace {

__extension__ using int128 = __int128;

absl::Status NothingLeft() {
  return ReasonedError(absl::StatusCode::kFailedPrecondition, "NOTHING_LEFT",
                       "nothing is left to take back: corrections have taken all of it");
}

absl::Status MoreThanLeft(const std::string& what) {
  return ReasonedError(absl::StatusCode::kFailedPrecondition, "MORE_THAN_LEFT",
                       absl::StrCat("more than there is cannot be taken back: ", what, " left"));
}

// Which lines it is about, and of these where costs fall.
absl::StatusOr<std::vector<size_t>> Chosen(const Adjustment& adjustment,
                                           const BookedCharge& charge) {
  std::vector<size_t> chosen;
  for (size_t i = 0; i < charge.lines.size(); ++i) {
    if (!adjustment.line.has_value() || charge.lines[i].line == *adjustment.line) {
      chosen.push_back(i);
    }
  }
  if (chosen.empty()) {
    return absl::NotFoundError(absl::StrCat("the charge has ", charge.lines.size(),
                                            " lines, from 0, and none of number ",
                                            adjustment.line.value_or(0)));
  }
  return chosen;
}

// `amount`, of either sign, over weights that are not negative, in proportion and without a rest.
std::vector<int64_t> Spread(int64_t amount, const std::vector<int64_t>& weights) {
  int128 whole = 0;
  for (const int64_t weight : weights) whole += weight;
  std::vector<int64_t> shares(weights.size(), 0);
  if (whole == 0) {
    shares[0] = amount;
    return shares;
  }
  int64_t rest = amount;
  for (size_t i = 0; i < weights.size(); ++i) {
    shares[i] = static_cast<int64_t>(int128{amount} * weights[i] / whole);
    rest -= shares[i];
  }
  // Less than one for each line that costs anything, and of what is taken back each such line has
  // one more: its share was rounded towards zero.
  const int64_t one = amount < 0 ? -1 : 1;
  for (size_t i = 0; rest != 0; i = (i + 1) % weights.size()) {
    if (weights[i] == 0 || (amount < 0 && weights[i] + shares[i] == 0)) continue;
    shares[i] += one;
    rest -= one;
  }
  return shares;
}

absl::Status CheckLeft(const BookedLine& line, const LineShare& share) {
  int64_t quantity = 0, cost = 0;
  if (__builtin_add_overflow(line.quantity_left, share.quantity, &quantity) ||
      __builtin_add_overflow(line.cost_left_nano_usd, share.cost_nano_usd, &cost) ||
      quantity > kMaxUnits || cost > kMaxCostNanoUsd) {
    return absl::OutOfRangeError("the line would come to more than can be counted");
  }
  if (quantity < 0) {
    return MoreThanLeft(absl::StrCat(line.quantity_left, " of line ", line.line, " are"));
  }
  if (cost < 0) {
    return MoreThanLeft(
        absl::StrCat(FormatUsd(line.cost_left_nano_usd), " USD of line ", line.line, " are"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<LineShare>> SharesOf(const Adjustment& adjustment,
                                                const BookedCharge& charge) {
  QP_ASSIGN_OR_RETURN(const std::vector<size_t> chosen, Chosen(adjustment, charge));
  std::vector<LineShare> shares;
  if (adjustment.take_back_all) {
    for (const size_t i : chosen) {
      const BookedLine& line = charge.lines[i];
      shares.push_back({i, -line.quantity_left, -line.cost_left_nano_usd});
    }
  } else {
    std::vector<int64_t> weights;
    int128 left = 0;
    for (const size_t i : chosen) {
      weights.push_back(std::max<int64_t>(charge.lines[i].cost_left_nano_usd, 0));
      left += weights.back();
    }
    if (chosen.size() > 1 && adjustment.cost_nano_usd < 0 &&
        -int128{adjustment.cost_nano_usd} > left) {
      if (left == 0) return NothingLeft();
      return MoreThanLeft(absl::StrCat(FormatUsd(static_cast<int64_t>(left)), " USD are"));
    }
    const std::vector<int64_t> costs = Spread(adjustment.cost_nano_usd, weights);
    for (size_t i = 0; i < chosen.size(); ++i) {
      // A quantity comes with a line, and that alone is chosen then.
      shares.push_back({chosen[i], adjustment.quantity, costs[i]});
    }
  }
  std::erase_if(shares, [](const LineShare& s) { return s.quantity == 0 && s.cost_nano_usd == 0; });
  if (shares.empty()) return NothingLeft();
  for (const LineShare& share : shares) {
    QP_RETURN_IF_ERROR(CheckLeft(charge.lines[share.index], share));
  }
  return shares;
}

}  // namespace quotaplane
