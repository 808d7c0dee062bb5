#include "lineage/audit/interpret.hpp"

#include <auparse.h>
#include <libaudit.h>

#include <algorithm>
#include <memory>
#include <string>

#include "lineage/audit/record.hpp"

namespace lineage::audit {

namespace {

struct Destroy {
    void operator()(auparse_state_t* state) const { auparse_destroy_ext(state, AUPARSE_DESTROY_ALL); }
};
using State = std::unique_ptr<auparse_state_t, Destroy>;

std::string text_or_empty(const char* text) {
    return text == nullptr ? std::string() : std::string(text);
}

/// Of a title that is neither quoted nor hexadecimal to its end libauparse 3.0.9 loses the terminating zero: it takes
/// what it could not decode for more of it (print_proctitle in auparse/interpret.c).
bool is_garbled_title(std::string_view name, std::string_view raw) {
    return name == "proctitle" && !raw.starts_with('"') &&
           raw.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos;
}

std::string value_of_field(auparse_state_t* state) {
    const auto raw = text_or_empty(auparse_get_field_str(state));
    if (is_garbled_title(text_or_empty(auparse_get_field_name(state)), raw)) return raw;
    return text_or_empty(auparse_interpret_field(state));
}

/// The value of a field that auparse_normalize has chosen, which is where the cursor then stands: 1 is success.
std::string chosen(auparse_state_t* state, int (*choose)(auparse_state_t*)) {
    if (choose(state) != 1) return {};
    return value_of_field(state);
}

void read_records(auparse_state_t* state, model::InterpretedEvent& event) {
    if (auparse_first_record(state) <= 0) return;
    do {
        if (auparse_get_type(state) == AUDIT_EOE) continue;
        model::InterpretedEvent::Record record;
        record.type = text_or_empty(auparse_get_type_name(state));
        if (record.type.empty()) record.type = "UNKNOWN[" + std::to_string(auparse_get_type(state)) + "]";
        if (auparse_first_field(state) > 0) {
            do {
                auto name = text_or_empty(auparse_get_field_name(state));
                if (name == "type" && record.fields.empty()) continue;
                if (name == "node" && record.fields.empty()) continue;
                record.fields.push_back({std::move(name), value_of_field(state)});
            } while (auparse_next_field(state) > 0);
        }
        event.records.push_back(std::move(record));
    } while (auparse_next_record(state) > 0);
}

void normalize(auparse_state_t* state, model::InterpretedEvent& event) {
    if (auparse_normalize(state, NORM_OPT_ALL) != 0) return;
    event.kind = text_or_empty(auparse_normalize_get_event_kind(state));
    event.subject.kind = text_or_empty(auparse_normalize_subject_kind(state));
    event.subject.primary = chosen(state, auparse_normalize_subject_primary);
    event.subject.secondary = chosen(state, auparse_normalize_subject_secondary);
    event.action = text_or_empty(auparse_normalize_get_action(state));
    event.object.kind = text_or_empty(auparse_normalize_object_kind(state));
    event.object.primary = chosen(state, auparse_normalize_object_primary);
    event.object.secondary = chosen(state, auparse_normalize_object_secondary);
    event.how = text_or_empty(auparse_normalize_how(state));
    event.result = chosen(state, auparse_normalize_get_results);
}

}  // namespace

model::InterpretedEvent interpret(std::string_view records) {
    model::InterpretedEvent event;
    if (const auto first = record_of(records.substr(0, records.find('\n')))) {
        event.node = first->node;
        event.time_ns = first->time_ns;
        event.serial = first->serial;
    }
    std::string text(records);
    std::replace(text.begin(), text.end(), '\0', '?');
    const State state(auparse_init(AUSOURCE_BUFFER, text.c_str()));
    if (!state) return event;
    auparse_set_escape_mode(state.get(), AUPARSE_ESC_RAW);
    // libauparse takes LOGIN and its like for whole events: the rest of theirs comes as another one.
    while (auparse_next_event(state.get()) > 0) {
        read_records(state.get(), event);
        if (event.action.empty()) normalize(state.get(), event);
    }
    return event;
}

}  // namespace lineage::audit
