#include "libs/admission/thresholds.h"

#include <algorithm>
#include <cstring>

#include "absl/status/status.h"

namespace quotaplane {
namespace {

constexpr char kVersion = 1;

// Strings are preceded by their length and limits by the length of theirs, so that a reader steps
// over what it does not know. Numbers are little-endian.
class Writer {
 public:
  void Number(int64_t number) {
    out_.append(reinterpret_cast<const char*>(&number), sizeof(number));
  }
  void Text(std::string_view text) {
    const auto size = static_cast<uint32_t>(text.size());
    out_.append(reinterpret_cast<const char*>(&size), sizeof(size));
    out_.append(text);
  }
  const std::string& bytes() const { return out_; }

 private:
  std::string out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  int64_t Number() {
    int64_t number = 0;
    Copy(&number, sizeof(number));
    return number;
  }
  std::string_view Text() {
    uint32_t size = 0;
    Copy(&size, sizeof(size));
    if (size > rest_.size()) {
      ok_ = false;
      size = 0;
    }
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  void Copy(void* to, size_t size) {
    if (rest_.size() < size) {
      ok_ = false;
      rest_ = {};
      return;
    }
    std::memcpy(to, rest_.data(), size);
    rest_.remove_prefix(size);
  }

  std::string_view rest_;
  bool ok_ = true;
};

ThresholdLimit ReadLimit(Reader* reader) {
  ThresholdLimit limit;
  limit.limit_id = reader->Text();
  limit.permille = static_cast<int>(reader->Number());
  limit.amount = reader->Number();
  limit.unit = reader->Text();
  limit.window = reader->Text();
  limit.scope = reader->Text();
  const int64_t dimensions = reader->Number();
  for (int64_t i = 0; i < dimensions && reader->ok(); ++i) {
    std::string name(reader->Text());
    limit.dimensions.emplace_back(std::move(name), reader->Text());
  }
  return limit;
}

}  // namespace

int64_t ThresholdAt(int64_t amount, int permille) {
  const auto scaled = (static_cast<__int128>(amount) * permille + 999) / 1'000;
  return scaled > kMaxCounterValue ? 0 : static_cast<int64_t>(scaled);
}

void AddThresholds(const Limit& limit, int64_t amount, CounterUse* use) {
  // Nothing is ever committed to it.
  if (limit.unit.kind == UnitKind::kConcurrency) return;
  for (const int permille : AlertAt(limit)) {
    const int64_t threshold = ThresholdAt(amount, permille);
    auto& all = use->thresholds;
    if (threshold <= 0 || all.size() >= kMaxThresholdsPerCounter) continue;
    const auto at = std::lower_bound(all.begin(), all.end(), threshold);
    if (at == all.end() || *at != threshold) all.insert(at, threshold);
  }
}

int64_t AmountAt(const OrgPolicy& policy, const AppliedLimit& applied, int64_t now_us) {
  if (policy.raises->empty()) return applied.amount;
  const Raise* raise = policy.raises->Find(applied, now_us);
  return raise == nullptr ? applied.amount : raise->amount;
}

void AddThresholdLimit(const Limit& limit, int64_t amount, int64_t threshold,
                       const Subject& subject, std::string_view model,
                       std::vector<ThresholdLimit>* limits) {
  int share = 0;
  for (const int permille : AlertAt(limit)) {
    if (ThresholdAt(amount, permille) == threshold) share = permille;
  }
  const auto is_this = [&](const ThresholdLimit& one) { return one.limit_id == limit.id; };
  if (share == 0 || std::any_of(limits->begin(), limits->end(), is_this)) return;
  ThresholdLimit one;
  one.limit_id = limit.id;
  one.permille = share;
  one.amount = amount;
  one.unit = limit.unit.ToString();
  one.window = limit.window.ToString();
  one.scope = ScopeString(limit, subject, model);
  one.dimensions.emplace_back("org", subject.org);
  for (const Dimension& dimension : limit.per) {
    one.dimensions.emplace_back(dimension.ToString(), dimension.ValueIn(subject, model));
  }
  limits->push_back(std::move(one));
}

std::string EncodeThresholdLimits(const std::vector<ThresholdLimit>& limits) {
  std::string bytes(1, kVersion);
  for (const ThresholdLimit& limit : limits) {
    Writer writer;
    writer.Text(limit.limit_id);
    writer.Number(limit.permille);
    writer.Number(limit.amount);
    writer.Text(limit.unit);
    writer.Text(limit.window);
    writer.Text(limit.scope);
    writer.Number(static_cast<int64_t>(limit.dimensions.size()));
    for (const auto& [name, value] : limit.dimensions) {
      writer.Text(name);
      writer.Text(value);
    }
    Writer whole;
    whole.Text(writer.bytes());
    bytes += whole.bytes();
  }
  return bytes;
}

absl::StatusOr<std::vector<ThresholdLimit>> DecodeThresholdLimits(std::string_view bytes) {
  if (bytes.empty() || bytes[0] != kVersion) return absl::DataLossError("not thresholds of limits");
  Reader reader(bytes.substr(1));
  std::vector<ThresholdLimit> limits;
  while (!reader.at_end()) {
    Reader one(reader.Text());
    limits.push_back(ReadLimit(&one));
    if (!reader.ok() || !one.ok()) return absl::DataLossError("truncated thresholds of limits");
  }
  return limits;
}

}  // namespace quotaplane
