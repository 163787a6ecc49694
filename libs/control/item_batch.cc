#include "libs/control/item_batch.h"

#include <utility>

#include "libs/base/status_macros.h"

namespace quotaplane {
namespace {

constexpr uint64_t kFormat = 1;

void AppendNumber(std::string* out, uint64_t number) {
  for (int i = 0; i < 8; ++i) out->push_back(static_cast<char>(number >> (8 * i)));
}

void AppendText(std::string* out, std::string_view text) {
  AppendNumber(out, text.size());
  *out += text;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool done() const { return bytes_.empty(); }

  uint64_t Number() {
    if (bytes_.size() < 8) return Fail();
    uint64_t number = 0;
    for (int i = 0; i < 8; ++i) {
      number |= uint64_t{static_cast<unsigned char>(bytes_[i])} << (8 * i);
    }
    bytes_.remove_prefix(8);
    return number;
  }
  int64_t Signed() { return static_cast<int64_t>(Number()); }

  std::string Text() {
    const uint64_t size = Number();
    if (size > bytes_.size()) Fail();
    if (!ok_) return "";
    std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return text;
  }

 private:
  uint64_t Fail() {
    ok_ = false;
    bytes_ = {};
    return 0;
  }

  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace

std::string EncodeBatch(const ItemBatch& batch) {
  size_t size = 0;
  for (const ControlItem& item : batch.items) size += 24 + item.name.size() + item.body.size();
  std::string out;
  out.reserve(size + 64 + batch.at.epoch.size());
  AppendNumber(&out, kFormat);
  AppendNumber(&out, batch.whole ? 1 : 0);
  AppendText(&out, batch.at.epoch);
  AppendNumber(&out, static_cast<uint64_t>(batch.at.position));
  AppendNumber(&out, static_cast<uint64_t>(batch.at.number));
  AppendNumber(&out, static_cast<uint64_t>(batch.at.contact_us));
  for (const ControlItem& item : batch.items) {
    AppendNumber(&out, static_cast<uint64_t>(item.number));
    AppendText(&out, item.name);
    AppendText(&out, item.body);
  }
  return out;
}

absl::StatusOr<ItemBatch> DecodeBatch(std::string_view bytes) {
  Reader reader(bytes);
  ItemBatch batch;
  if (reader.Number() != kFormat) return absl::DataLossError("items of an unknown format");
  batch.whole = reader.Number() == 1;
  batch.at.epoch = reader.Text();
  batch.at.position = reader.Signed();
  batch.at.number = reader.Signed();
  batch.at.contact_us = reader.Signed();
  while (reader.ok() && !reader.done()) {
    ControlItem item;
    item.number = reader.Signed();
    item.name = reader.Text();
    item.body = reader.Text();
    batch.items.push_back(std::move(item));
  }
  if (!reader.ok()) return absl::DataLossError("items that end too early");
  return batch;
}

}  // namespace quotaplane
