#include "placed.hpp"

namespace lineage::trace {

namespace {

class Placing {
public:
    Placing(query::Histories& histories, const query::EventStamp& stamp) : histories_(histories), stamp_(stamp) {}

    base::Status subject(std::optional<model::Pid> pid) {
        auto found = party(pid, query::Role::subject, result.subject);
        if (!found) return tl::unexpected(found.error());
        subject_ = *found;
        if (subject_.process == 0) result.missing.push_back(pid ? subject_.why : query::Unplaced::no_pid_named);
        return {};
    }

    /// `surely`: where it is not found, that is said.
    base::Status object(model::Pid pid, bool surely) {
        render::TracedParty object;
        const auto found = party(pid, query::Role::object, object);
        if (!found) return tl::unexpected(found.error());
        if (found->process != 0 && found->process == subject_.process) return {};  // it did it to itself
        if (found->process == 0 && !surely) return {};
        if (found->process == 0) result.missing.push_back(found->why);
        result.objects.push_back(std::move(object));
        return {};
    }

    [[nodiscard]] bool in_namespace() const { return subject_.in_namespace; }
    Placed result;

private:
    base::Result<query::Histories::Place> party(std::optional<model::Pid> pid, query::Role role,
                                                render::TracedParty& party) {
        if (!pid) return query::Histories::Place{};
        party.pid = *pid;
        const auto place = histories_.place(stamp_, *pid, role);
        if (!place || place->process == 0) return place;
        auto history = histories_.history(place->process, stamp_);
        if (!history) return tl::unexpected(history.error());
        party.history = std::move(*history);
        return place;
    }

    query::Histories& histories_;
    const query::EventStamp& stamp_;
    query::Histories::Place subject_;
};

}  // namespace

base::Result<Placed> placed(query::Histories& histories, const query::EventStamp& stamp,
                            const audit::Parties& parties) {
    Placing placing(histories, stamp);
    auto status = placing.subject(parties.subject);
    for (auto pid = parties.objects.begin(); status && pid != parties.objects.end(); ++pid)
        status = placing.object(*pid, true);
    if (status && parties.objects.empty() && parties.traced && !placing.in_namespace())
        status = placing.object(*parties.traced, false);
    if (!status) return tl::unexpected(status.error());
    return std::move(placing.result);
}

}  // namespace lineage::trace
