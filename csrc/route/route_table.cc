#include "route/route_table.h"

#include <algorithm>
#include <charconv>

#include "route/unit_point.h"

namespace mlops {
namespace {

constexpr std::size_t kNumberText = 32;

std::string_view as_text(const ParameterValue& value, std::array<char, kNumberText>& digits) {
  const auto written = [&](auto number) -> std::string_view {
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    return {digits.data(), static_cast<std::size_t>(end - digits.data())};
  };
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return written(*number);
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return written(*number);
  if (const auto* number = std::get_if<double>(&value)) return written(*number);
  return std::get<bool>(value) ? "true" : "false";
}

// Empty when the request does not say. `digits` is where a number's text goes.
std::string_view said(const RequestField& field, const Request& request,
                      std::array<char, kNumberText>& digits) {
  using Kind = RequestField::Kind;
  if (field.kind == Kind::header) {
    for (const RequestHeader& header : request.headers) {
      if (header.name == field.names.front()) return header.value;
    }
  } else if (field.kind == Kind::parameter) {
    for (const Parameter& parameter : request.parameters) {
      if (parameter.name == field.names.front()) return as_text(parameter.value, digits);
    }
  } else if (field.kind == Kind::request_id || field.kind == Kind::none) {
    return request.id;
  }
  return {};
}

// False when one of the inputs is missing.
bool point_of_inputs(const RoutePlan& plan, const Request& request, std::uint64_t& point) {
  std::array<std::span<const std::byte>, kArmsMax> pieces;
  std::size_t found = 0;
  for (const std::string& name : plan.unit.names) {
    const auto input = std::ranges::find(request.inputs, name, &NamedTensor::name);
    if (input == request.inputs.end()) return false;
    pieces[found++] = input->tensor.bytes;
  }
  point = unit_point(plan.salt, std::span(pieces).first(found));
  return true;
}

std::vector<std::uint16_t> with_stable(std::span<const std::uint16_t> arms) {
  std::vector<std::uint16_t> shares = {static_cast<std::uint16_t>(kRouteSlots)};
  for (const std::uint16_t share : arms) {
    shares[0] = static_cast<std::uint16_t>(shares[0] - share);
    shares.push_back(share);
  }
  return shares;
}

}  // namespace

Result<std::shared_ptr<const RouteTable>> RouteTable::make(RoutePlan plan, const RouteTable* before,
                                                           std::shared_ptr<ShadowSink> sink) {
  if (Status s = plan.validate(); !s.ok()) return s;
  std::shared_ptr<RouteTable> table(new RouteTable(std::move(plan)));
  table->set_shadows(before, std::move(sink));
  table->name_arms(before);
  if (Status s = table->lay_out(before); !s.ok()) return s;
  table->list_headers();
  return std::shared_ptr<const RouteTable>(std::move(table));
}

void RouteTable::name_arms(const RouteTable* before) {
  std::uint16_t stable = kRouteSlots;
  for (const RouteArm& arm : plan_.arms) stable = static_cast<std::uint16_t>(stable - arm.share);
  arms_.push_back({std::string(RoutePlan::kStable), plan_.stable, stable, nullptr});
  for (const RouteArm& arm : plan_.arms) arms_.push_back({arm.name, arm.version, arm.share, {}});
  set_guard(before);
  for (Arm& arm : arms_) {
    auto counts = std::make_shared<ArmCounts>();
    for (const Arm& old : before ? before->arms_ : std::vector<Arm>()) {
      if (old.name == arm.name && old.version == arm.version) counts = old.watch->counts();
    }
    arm.watch = make_ref<const ArmWatch>(arm.name, std::move(counts), guarded(arm), shadows_,
                                         static_cast<double>(arm.share) / kRouteSlots);
  }
}

// What a shadow was seen to answer goes on while its version and stable are the same.
void RouteTable::set_shadows(const RouteTable* before, std::shared_ptr<ShadowSink> sink) {
  auto list = std::make_shared<ShadowList>();
  list->sink = std::move(sink);
  const bool same_stable = before && before->plan_.stable == plan_.stable;
  for (const RouteShadow& shadow : plan_.shadows) {
    auto log = std::make_shared<ShadowLog>();
    for (const auto& old : same_stable ? before->shadows_->shadows : decltype(list->shadows)()) {
      if (old.version == shadow.version) log = old.log;
    }
    list->shadows.push_back({shadow.version, shadow.sample, std::move(log)});
  }
  shadows_ = std::move(list);
}

// What a guard has seen goes on from table to table, unless it compares others now, or has ended.
void RouteTable::set_guard(const RouteTable* before) {
  if (!plan_.guard) return;
  const auto arm = std::ranges::find(arms_, plan_.guard->arm, &Arm::name);
  guarded_ = static_cast<std::size_t>(arm - arms_.begin());
  const bool same = before && before->guard_ && before->plan_.guard == plan_.guard &&
                    before->plan_.salt == plan_.salt && before->plan_.stable == plan_.stable &&
                    before->arms_[before->guarded_].version == arm->version &&
                    !before->guard_->tripped();
  guard_ = same ? before->guard_ : std::make_shared<ArmGuard>(*plan_.guard);
}

ArmWatch::Guarded RouteTable::guarded(const Arm& arm) const {
  const Arm& stable = arms_.front();
  if (!guard_ || (&arm != &stable && &arm != &arms_[guarded_])) return {};
  const double share = arms_[guarded_].share;
  const double both = share + stable.share;
  return {guard_, &arm != &stable, both > 0 ? share / both : 0};
}

Status RouteTable::lay_out(const RouteTable* before) {
  if (before && before->plan_.salt != plan_.salt) before = nullptr;
  std::vector<ArmIndex> renamed;  // by the index in `before`
  for (const Arm& old : before ? before->arms_ : std::vector<Arm>()) {
    const auto same = std::ranges::find(arms_, old.name, &Arm::name);
    renamed.push_back(same == arms_.end() ? 0 : static_cast<ArmIndex>(same - arms_.begin()));
  }
  const auto laid_out = [&](std::vector<SlotRun>& slots, std::span<const std::uint16_t> shares,
                            const SlotLayout* old) -> Result<SlotLayout> {
    SlotLayout layout;
    if (!slots.empty()) {
      Result<SlotLayout> given = SlotLayout::from_runs(slots);
      if (!given.ok()) return given;
      for (const SlotRun& run : slots) {
        if (run.owner >= arms_.size()) return Status::invalid_argument("route: slots of no arm");
      }
      layout = *given;
    } else if (old) {
      layout = *old;
      layout.rename(renamed);
    }
    layout.resize(with_stable(shares));
    slots = layout.runs();
    return layout;
  };
  std::vector<std::uint16_t> shares;
  for (const RouteArm& arm : plan_.arms) shares.push_back(arm.share);
  Result<SlotLayout> whole = laid_out(plan_.slots, shares, before ? &before->layout_ : nullptr);
  if (!whole.ok()) return whole.status();
  layout_ = *whole;
  // A rule starts from the same rule before, or else from everybody's layout.
  for (RouteRule& rule : plan_.rules) {
    const SlotLayout* old = nullptr;
    for (std::size_t i = 0; before && i < before->plan_.rules.size(); ++i) {
      const RouteRule& candidate = before->plan_.rules[i];
      if (candidate.field == rule.field && candidate.values == rule.values) {
        old = &before->rule_layouts_[i];
      }
    }
    if (!old && rule.slots.empty()) rule.slots = plan_.slots;
    Result<SlotLayout> layout = laid_out(rule.slots, rule.shares, old);
    if (!layout.ok()) return layout.status();
    rule_layouts_.push_back(*layout);
  }
  return {};
}

void RouteTable::list_headers() {
  const auto add = [this](const RequestField& field) {
    if (field.kind != RequestField::Kind::header) return;
    if (!std::ranges::count(headers_, field.names.front())) headers_.push_back(field.names.front());
  };
  add(plan_.unit);
  add(plan_.override_);
  for (const RouteRule& rule : plan_.rules) add(rule.field);
}

bool RouteTable::overridden(const Request& request, RouteChoice& choice) const {
  if (plan_.override_.kind == RequestField::Kind::none) return false;
  std::array<char, kNumberText> digits;
  const std::string_view wanted = said(plan_.override_, request, digits);
  if (wanted.empty()) return false;
  std::array<char, kNumberText> version;
  for (std::size_t i = 0; i < arms_.size(); ++i) {
    if (wanted == arms_[i].name || wanted == as_text(arms_[i].version, version)) {
      choice.arm = static_cast<ArmIndex>(i);
      choice.why = RouteChoice::Why::override_;
      return true;
    }
  }
  choice.why = RouteChoice::Why::unknown_override;
  return true;
}

const SlotLayout* RouteTable::layout_of_rule(const Request& request) const {
  std::array<char, kNumberText> digits;
  for (std::size_t i = 0; i < plan_.rules.size(); ++i) {
    const std::string_view value = said(plan_.rules[i].field, request, digits);
    if (!value.empty() && std::ranges::count(plan_.rules[i].values, value)) {
      return &rule_layouts_[i];
    }
  }
  return nullptr;
}

RouteChoice RouteTable::choose(const Request& request, std::uint64_t draw) const {
  RouteChoice choice;
  choice.point = draw;
  if (plan_.unit.kind == RequestField::Kind::inputs) {
    choice.has_unit = point_of_inputs(plan_, request, choice.point);
  } else {
    std::array<char, kNumberText> digits;
    const std::string_view unit = said(plan_.unit, request, digits);
    choice.has_unit = !unit.empty();
    if (choice.has_unit) choice.point = unit_point(plan_.salt, unit);
  }
  if (overridden(request, choice)) return choice;
  if (const SlotLayout* layout = layout_of_rule(request)) {
    choice.arm = layout->owner(choice.point);
    choice.why = RouteChoice::Why::rule;
  } else {
    choice.arm = layout_.owner(choice.point);
  }
  if (guard_ && choice.arm == guarded_ && guard_->tripped()) choice.arm = 0;
  return choice;
}

RouteChoice RouteTable::choose_for(std::string_view unit) const {
  RouteChoice choice;
  choice.has_unit = true;
  choice.point = unit_point(plan_.salt, unit);
  choice.arm = layout_.owner(choice.point);
  return choice;
}

std::uint32_t RouteTable::shadows_of(std::uint64_t draw) const {
  std::uint32_t chosen = 0;
  for (std::size_t i = 0; i < plan_.shadows.size(); ++i) {
    if (SlotLayout::slot_of(draw) < plan_.shadows[i].sample) chosen |= 1U << i;
  }
  return chosen;
}

}  // namespace mlops
