#include "libs/reports/entry_files.h"

#include "absl/strings/str_cat.h"
#include "libs/base/absl_view.h"
#include "libs/base/json_string.h"
#include "libs/money/decimal.h"
#include "libs/reports/text_format.h"

namespace quotaplane::reports {
namespace {

enum class Kind { kText, kNumber, kFlag, kJson, kAbsent };

std::string Usd(int64_t nano_usd) { return FormatDecimal(nano_usd, 9, 2); }

// Calls column(name, kind, text) for each, in order. Nano-USD per million units is nano-USD times
// 10^-6 per unit.
template <typename Column>
void ForEachColumn(const Entry& e, Column column) {
  const auto number = [&](std::string_view name, int64_t value) {
    column(name, Kind::kNumber, absl::StrCat(value));
  };
  const auto flag = [&](std::string_view name, int64_t value) {
    column(name, Kind::kFlag, std::string_view(value != 0 ? "1" : "0"));
  };
  column("charge_key", Kind::kText, FormatHex(e.charge_key.data));
  number("line", e.line);
  column("org", Kind::kText, e.org);
  column("kind", Kind::kText, e.kind);
  column("reservation_id", Kind::kText, e.reservation_id);
  column("occurred_at", Kind::kText, FormatUtcMicros(e.occurred_at_us));
  column("recorded_at", Kind::kText, FormatUtcMicros(e.recorded_at_us));
  number("attempt", e.attempt);
  column("model", Kind::kText, e.model);
  column("subject_model", Kind::kText, e.subject_model);
  column("priced_as", Kind::kText, e.priced_as);
  column("service_tier", Kind::kText, e.service_tier);
  column("meter", Kind::kText, e.meter);
  number("quantity", e.quantity);
  column("usd_per_million", Kind::kNumber, Usd(e.unit_price_nano_per_million));
  column("cost_usd", Kind::kNumber, Usd(e.cost_nano_usd));
  column("price_version", Kind::kText, e.price_version);
  column("team", Kind::kText, e.team);
  column("project", Kind::kText, e.project);
  column("user", Kind::kText, e.user);
  column("api_key", Kind::kText, e.api_key);
  column("labels", Kind::kJson, e.labels);
  column("cost_center", Kind::kText, e.cost_center);
  column("held_usd", Kind::kNumber, Usd(e.held_nano_usd));
  column("overrun_usd", Kind::kNumber, Usd(e.overrun_nano_usd));
  flag("late", e.late);
  flag("unreserved", e.unreserved);
  flag("recorded", e.recorded);
  flag("unpriced", e.unpriced);
  flag("spooled", e.spooled);
  if (e.corrects_key.has_value()) {
    column("corrects_key", Kind::kText, FormatHex(e.corrects_key->data));
  } else {
    column("corrects_key", Kind::kAbsent, std::string_view());
  }
  column("reason", e.reason.has_value() ? Kind::kText : Kind::kAbsent,
         e.reason.value_or(std::string_view()));
}

class Csv : public EntryWriter {
 public:
  void AppendHeader(std::string* out) override {
    std::string_view comma = "";
    ForEachColumn(Entry(), [&](std::string_view name, Kind, std::string_view) {
      absl::StrAppend(out, AbslView(comma), AbslView(name));
      comma = ",";
    });
    out->append("\r\n");
  }

  bool Append(const Entry& entry, std::string* out) override {
    bool first = true;
    ForEachColumn(entry, [&](std::string_view, Kind, std::string_view text) {
      if (!first) out->push_back(',');
      first = false;
      AppendCsv(text, out);
    });
    out->append("\r\n");
    return true;
  }
};

class JsonLines : public EntryWriter {
 public:
  void AppendHeader(std::string*) override {}

  bool Append(const Entry& entry, std::string* out) override {
    char before = '{';
    ForEachColumn(entry, [&](std::string_view name, Kind kind, std::string_view text) {
      out->push_back(before);
      before = ',';
      AppendJsonString(name, out);
      out->push_back(':');
      switch (kind) {
        case Kind::kText:
        case Kind::kNumber:
          return AppendJsonString(text, out);
        case Kind::kFlag:
          out->append(text == "1" ? "true" : "false");
          return;
        case Kind::kJson:
          out->append(text);
          return;
        case Kind::kAbsent:
          out->append("null");
          return;
      }
    });
    out->append("}\n");
    return true;
  }
};

}  // namespace

std::unique_ptr<EntryWriter> CsvWriter() { return std::make_unique<Csv>(); }
std::unique_ptr<EntryWriter> JsonLinesWriter() { return std::make_unique<JsonLines>(); }

}  // namespace quotaplane::reports
