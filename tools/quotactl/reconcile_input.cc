#include "tools/quotactl/reconcile_input.h"

#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/status_macros.h"
#include "libs/money/decimal.h"
#include "libs/reconcile/anthropic.h"
#include "libs/reconcile/csv_export.h"
#include "libs/reconcile/openai.h"

namespace quotaplane::quotactl {
namespace {

using reconcile::ProviderReport;

absl::StatusOr<std::string> ReadBounded(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  std::vector<char> buffer(1 << 20);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    text.append(buffer.data(), static_cast<size_t>(file.gcount()));
    if (text.size() > reconcile::kMaxFileBytes) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": over ", reconcile::kMaxFileBytes,
                                                     " bytes; export a shorter time per file"));
    }
  }
  if (!file.eof()) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  return text;
}

absl::StatusOr<ProviderReport> ReadText(const std::string& text, const std::string& provider,
                                        const reconcile::CsvMapping& mapping) {
  if (provider == "anthropic") return reconcile::ReadAnthropic(text);
  if (provider == "openai") return reconcile::ReadOpenAi(text);
  return reconcile::ReadCsv(text, mapping);
}

}  // namespace

absl::StatusOr<ProviderReport> ReadProviderFiles(const std::vector<std::string>& files,
                                                 const std::string& provider,
                                                 const std::vector<std::string>& map) {
  if (!map.empty() && provider != "csv") {
    return absl::InvalidArgumentError("--map: only with --provider csv");
  }
  const absl::StatusOr<reconcile::CsvMapping> mapping = reconcile::ParseMapping(map);
  if (!mapping.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--map: ", mapping.status().message()));
  }
  ProviderReport all;
  for (const std::string& path : files) {
    QP_ASSIGN_OR_RETURN(const std::string text, ReadBounded(path));
    absl::StatusOr<ProviderReport> report = ReadText(text, provider, *mapping);
    absl::Status status = report.status();
    if (status.ok()) status = all.Add(*std::move(report));
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": ", status.message()));
    }
  }
  if (all.usage_goes_on || all.cost_goes_on) {
    return absl::InvalidArgumentError(absl::StrCat(
        files.back(), ": has_more is true: the ", all.usage_goes_on ? "usage" : "costs",
        " have more pages; give every page, each as a file"));
  }
  return all;
}

absl::StatusOr<reconcile::Tolerance> ParseTolerance(const std::string& text) {
  const bool percent = text.ends_with('%');
  const absl::StatusOr<ScaledDecimal> value =
      ParseDecimal(percent ? text.substr(0, text.size() - 1) : text, percent ? 4 : 9);
  // Of all there is.
  constexpr int64_t kWhole = 1'000'000;
  if (!value.ok() || !value->exact || value->value < 0 || (percent && value->value > kWhole)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--tolerance: \"", text,
                     "\" is neither USD, such as 0.01, nor a percentage, such as 0.5%"));
  }
  return percent ? reconcile::Tolerance{0, value->value} : reconcile::Tolerance{value->value, 0};
}

std::vector<std::string> ModelsOf(const std::string& provider) {
  if (provider == "anthropic") return {"claude-*", "anthropic/*"};
  if (provider == "openai") {
    return {"gpt-*",   "chatgpt-*",        "o1*",  "o3*",     "o4*",
            "codex-*", "text-embedding-*", "ft:*", "openai/*"};
  }
  return {"*"};
}

absl::StatusOr<std::pair<absl::CivilDay, absl::CivilDay>> WholeDays(absl::Time from,
                                                                    absl::Time to) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::CivilDay first = absl::ToCivilDay(from, utc), end = absl::ToCivilDay(to, utc);
  if (absl::FromCivil(first, utc) != from || absl::FromCivil(end, utc) != to || end <= first) {
    return absl::InvalidArgumentError(
        "--from, --to: give whole UTC days, such as --from 2026-11-01 --to 2026-11-08");
  }
  return std::pair(first, end);
}

std::vector<reconcile::LedgerRow> LedgerRows(const v1::QueryUsageResponse& report) {
  std::vector<reconcile::LedgerRow> rows;
  for (const v1::UsageRow& from : report.rows()) {
    reconcile::LedgerRow row;
    row.day =
        absl::ToCivilDay(absl::FromUnixSeconds(from.start_time().seconds()), absl::UTCTimeZone());
    row.model = from.group(0);
    row.meter = from.group(1);
    const auto quantity = from.measures().quantities().find(row.meter);
    if (quantity != from.measures().quantities().end()) row.quantity = quantity->second;
    row.cost_nano_usd = from.measures().cost_nano_usd();
    row.requests = from.measures().requests();
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace quotaplane::quotactl
