#include "libs/alerts/receivers_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "libs/testing/temp_dir.h"
#include "libs/testing/tls_certificates.h"

namespace quotaplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ReceiversReaderTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.File(name)) << text;
  }
  absl::StatusOr<std::shared_ptr<const Receivers>> Load(const std::string& text) {
    Write("receivers.yaml", text);
    return LoadReceiversFile(dir_.File("receivers.yaml"));
  }
  std::string Problems(const std::string& text) {
    const auto loaded = Load(text);
    EXPECT_TRUE(absl::IsInvalidArgument(loaded.status())) << loaded.status();
    return std::string(loaded.status().message());
  }
  const fixtures::TempDir dir_;
};

std::vector<std::string> NamesFor(const Receivers& receivers, const Signal& signal) {
  std::vector<std::string> names;
  for (const Receiver* receiver : receivers.For(signal)) names.push_back(receiver->name);
  return names;
}

constexpr char kWhole[] = R"(
receivers:
  pager: {kind: alertmanager, url: "http://alertmanager:9093", token_file: token}
  finops: {kind: webhook, url: "https://hooks.example/quotaplane", secret_file: secret, ca_file: ca.pem}
  chat: {kind: slack, url_file: slack}
  mail:
    kind: email
    server: smtp://mail.example:587
    user: quotaplane
    password_file: password
    from: quotaplane@example.com
    to: [finops@example.com, cto@example.com]
routes:
  - {orgs: [acme, "acme-*"], kinds: [threshold, "f*"], receivers: [finops]}
  - {orgs: [""], receivers: [pager]}
  - {severities: [critical], receivers: [pager, chat]}
  - {orgs: [quiet], receivers: []}
default: [mail]
)";

TEST_F(ReceiversReaderTest, AWholeFile) {
  Write("token", "tok-1\n");
  Write("secret", "0123456789abcdef");
  Write("slack", "https://hooks.slack.example/T0/B0/x\n");
  Write("password", "word");
  fixtures::MakeTlsFiles(dir_.path());
  Write("ca.pem", "-");
  const auto loaded = Load(kWhole);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const Receivers& receivers = **loaded;
  ASSERT_EQ(receivers.all().size(), 4u);
  EXPECT_EQ(std::get<AlertmanagerReceiver>(receivers.Find("pager")->how).token, "tok-1");
  EXPECT_TRUE(receivers.Find("pager")->synced());
  const auto& hook = std::get<WebhookReceiver>(receivers.Find("finops")->how);
  EXPECT_EQ(hook.secret, "0123456789abcdef");
  EXPECT_EQ(hook.ca_file, dir_.File("ca.pem"));
  EXPECT_EQ(std::get<SlackReceiver>(receivers.Find("chat")->how).url,
            "https://hooks.slack.example/T0/B0/x");
  const auto& mail = std::get<EmailReceiver>(receivers.Find("mail")->how);
  EXPECT_EQ(mail.start_tls, EmailReceiver::StartTls::kRequired);
  EXPECT_EQ(mail.password, "word");
  EXPECT_THAT(mail.to, ElementsAre("finops@example.com", "cto@example.com"));
  EXPECT_EQ(receivers.Find("nobody"), nullptr);

  Signal signal;
  signal.org = "acme-eu";
  signal.kind = AlertKind::kForecast;
  EXPECT_THAT(NamesFor(receivers, signal), ElementsAre("finops"));
  signal.kind = AlertKind::kAnomaly;
  EXPECT_THAT(NamesFor(receivers, signal), ElementsAre("mail"));
  signal.severity = Severity::kCritical;
  EXPECT_THAT(NamesFor(receivers, signal), ElementsAre("pager", "chat"));
  signal.org = "";
  EXPECT_THAT(NamesFor(receivers, signal), ElementsAre("pager"));
  signal.org = "quiet";
  signal.severity = Severity::kInfo;
  EXPECT_THAT(NamesFor(receivers, signal), IsEmpty());
  // What a rule names comes first; what it names in vain does not silence it.
  signal.receivers = {"chat", "chat", "gone"};
  EXPECT_THAT(NamesFor(receivers, signal), ElementsAre("chat"));
  signal.receivers = {"gone"};
  signal.org = "other";
  EXPECT_THAT(NamesFor(receivers, signal), ElementsAre("mail"));
}

// The file in docs/alerts.md.
TEST_F(ReceiversReaderTest, TheDocumentsFileIsTaken) {
  std::ifstream doc(QP_SOURCE_DIR "/docs/alerts.md");
  const std::string text(std::istreambuf_iterator<char>(doc), {});
  constexpr char kFence[] = "```yaml\n";
  const size_t begin = text.find(kFence) + sizeof(kFence) - 1;
  ASSERT_LT(begin, text.size());
  Write("hook.secret", "0123456789abcdef\n");
  Write("slack.url", "https://hooks.slack.example/T0/B0/x\n");
  Write("mail.password", "word\n");
  const auto loaded = Load(text.substr(begin, text.find("```", begin) - begin));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ((*loaded)->all().size(), 4u);
}

TEST_F(ReceiversReaderTest, BadRulesAreRefusedByName) {
  Write("short", "tooshort");
  Write("blank", "has a blank in it");
  Write("nourl", "hello-SECRET");
  const std::string problems = Problems(R"(
receivers:
  Bad Name: {kind: alertmanager, url: "http://a"}
  a: {kind: pigeon}
  b: {kind: alertmanager, url: "ftp://x"}
  c: {kind: alertmanager, url: "http://user:SECRET@x/"}
  d: {kind: webhook, url: "https://x"}
  e: {kind: webhook, url: "https://x", secret_file: short}
  f: {kind: webhook, url: "https://x", secret_file: none}
  g: {kind: slack, url_file: nourl}
  h: {kind: slack, url: "https://x"}
  i: {kind: email, server: "mail:25", from: "a@b", to: ["x y@z"]}
  j: {kind: email, server: "smtp://m:25/path", user: u, from: "a", to: []}
  k: {kind: email, server: "smtp://m:25", starttls: off, user: u, password_file: blank, from: "a@b", to: [a@b]}
  l: {kind: alertmanager, url: "http://a", ca_file: none.pem}
routes:
  - {orgs: [], receivers: [b, nobody]}
  - {severities: [bad], kind: [threshold]}
default: [nobody]
more: 1
)");
  for (const char* problem : {":3: receivers.Bad Name",
                              ":4: receivers.a.kind",
                              ":5: receivers.b.url",
                              ":6: receivers.c.url",
                              ":7: receivers.d",
                              "`secret_file` is missing",
                              ":8: receivers.e.secret_file",
                              "fewer than 16 bytes",
                              ":9: receivers.f.secret_file",
                              ":10: receivers.g.url_file",
                              ":11: receivers.h",
                              ":12: receivers.i.server",
                              "receivers.i.to[0]",
                              ":13: receivers.j.server",
                              "both `user` and `password_file`",
                              "receivers.j.from",
                              "receivers.j.to",
                              ":14: receivers.k.user",
                              "receivers.k.password_file",
                              ":15: receivers.l.ca_file",
                              "routes[0].orgs",
                              "there is no receiver \"nobody\"",
                              "routes[1].severities[0]",
                              "routes[1].kind",
                              "`receivers` is missing",
                              "default[0]",
                              "more"}) {
    EXPECT_THAT(problems, HasSubstr(problem));
  }
  EXPECT_THAT(problems, Not(HasSubstr("SECRET")));
}

TEST_F(ReceiversReaderTest, NoFile) {
  const auto loaded = LoadReceiversFile(dir_.File("none.yaml"));
  EXPECT_TRUE(absl::IsNotFound(loaded.status())) << loaded.status();
  EXPECT_THAT(Problems(""), HasSubstr("receivers.yaml"));
  EXPECT_THAT(Problems("receivers: {}\n"), HasSubstr("`default` is missing"));
}

}  // namespace
}  // namespace quotaplane
