#include <memory>

#include "tools/quotactl/commands.h"
#include "tools/quotactl/flags.h"
#include "tools/quotactl/render.h"

namespace quotaplane::quotactl {

void AddUsage(CLI::App& app, const Globals& globals, Work* work) {
  CLI::App* command =
      app.add_subcommand("usage", "Every limit that applies to a subject: used, held, left");
  const auto flags = std::make_shared<SubjectFlags>();
  flags->AddTo(*command);
  command->footer(
      R"(A limit counts only subjects that have every dimension of its `per`: name the user to see the user's limits.

Examples:
  # What has the search team spent this month, and what is left?
  quotactl usage --org acme --team search

  # Every limit that alice's next call on this model would meet
  quotactl usage --org acme --team search --user alice --model claude-sonnet-4-5)");
  command->callback([=, &globals] {
    *work = [=, &globals] {
      const absl::StatusOr<v1::Subject> subject = flags->Build();
      if (!subject.ok()) return ReportError(globals, subject.status());
      v1::GetUsageRequest request;
      *request.mutable_subject() = *subject;
      return CallAndPrint(globals, &client::Connection::Stub::GetUsage, request,
                          [&](const v1::GetUsageResponse& response) {
                            return Renderer::ForStdout().Usage(subject->org(), response);
                          });
    };
  });
}

}  // namespace quotaplane::quotactl
