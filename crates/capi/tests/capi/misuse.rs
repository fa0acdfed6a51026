//! Calls each function of the header with each argument wrong in each way that can be checked:
//! NULL, an unknown number, text that is not UTF-8, a wrong size, a bad handle. Also calls it in a
//! forked process. The calls are generated from the prototypes, so that no function is forgotten.
//! The valid arguments are in `tests/c/misuse.h`.

use std::fmt::Write;

use crate::header::{Function, Parameter, functions};
use crate::library::{C11, CXX17, SANITIZED, shared};
use crate::programs::run;

/// Pointers that may be NULL according to the header. `error` may be NULL in every function.
const OPTIONAL: &[(&str, &str)] = &[
    ("patron_settings_get", "kind"),
    ("patron_metainfo_tracker", "tier"),
    ("patron_magnet_tracker", "tier"),
    ("patron_shared", "builder"),
    ("patron_client_shutdown", "report"),
    ("patron_add_torrent", "add_options"),
    ("patron_send_add_torrent", "add_options"),
    ("patron_set_wake", "wake"),
    ("patron_set_wake", "user_data"),
    ("patron_set_wake", "finalize"),
    ("patron_reply_on_ready", "user_data"),
    ("patron_set_log", "log"),
    ("patron_set_log", "user_data"),
    ("patron_set_log", "finalize"),
];

/// Valid arguments that only one function needs.
const SPECIAL: &[(&str, &str, &str)] = &[
    ("patron_settings_set_int", "name", "\"connections_limit\""),
    ("patron_settings_set_int", "value", "17"),
    ("patron_settings_set", "value", "\"true\""),
    ("patron_metainfo_decode", "data", "patron_metainfo_torrent_file(the_metainfo).data"),
    ("patron_metainfo_decode", "length", "patron_metainfo_torrent_file(the_metainfo).length"),
    ("patron_maker_new", "source", "directory"),
    ("patron_client_shutdown", "client", "spare_client()"),
    ("patron_remove_torrent", "torrent_id", "torrent + 1000"),
    ("patron_reply_status", "reply", "status_reply"),
    ("patron_reply_metainfo", "reply", "metainfo_reply"),
    ("patron_reply_statistics", "reply", "statistics_reply"),
    ("patron_statistics_get", "name", "\"peer.num_peers_connected\""),
    // The first statistic that is a gauge and not 0.
    ("patron_statistics_is_gauge", "index", "the_gauge"),
    ("patron_statistics_value", "index", "the_gauge"),
    ("patron_reply_files", "reply", "files_reply"),
    ("patron_reply_pieces", "reply", "pieces_reply"),
    ("patron_reply_torrent_options", "reply", "options_reply"),
    ("patron_reply_path", "reply", "options_reply"),
    ("patron_reply_peers", "reply", "peers_reply"),
    ("patron_reply_trackers", "reply", "trackers_reply"),
    ("patron_reply_web_seed", "reply", "web_seeds_reply"),
    ("patron_reply_web_seed_count", "reply", "web_seeds_reply"),
    ("patron_reply_settings", "reply", "settings_reply"),
    ("patron_reply_ip_filter", "reply", "filter_reply"),
    ("patron_reply_bytes", "reply", "piece_reply"),
    ("patron_reply_peer_class", "reply", "created_class_reply"),
    ("patron_reply_peer_class_options", "reply", "class_reply"),
    ("patron_reply_peer_class_name", "reply", "class_reply"),
    ("patron_reply_peer_class_ranges", "reply", "ranges_reply"),
    // A class that does not exist.
    ("patron_remove_peer_class", "peer_class", "20"),
    ("patron_map_port", "protocol", "PATRON_PORT_TCP"),
    ("patron_builder_set_store", "file", "new_store()"),
    ("patron_set_note", "value", "(const uint8_t*)\"a value\""),
    ("patron_set_note", "value_length", "7"),
    ("patron_ip_filter_read", "file", "blocklist"),
    ("patron_ip_filter_read_lenient", "file", "blocklist"),
    ("patron_ip_filter_parse", "data", "(const uint8_t*)\"192.0.2.1\""),
    ("patron_ip_filter_parse", "length", "9"),
    ("patron_ip_filter_parse_lenient", "data", "(const uint8_t*)\"192.0.2.1\""),
    ("patron_ip_filter_parse_lenient", "length", "9"),
];

/// Valid arguments by name.
const VALUES: &[(&str, &str)] = &[
    ("preset", "PATRON_PRESET_DEFAULT"),
    ("protocol", "PATRON_PROTOCOL_HYBRID"),
    ("links", "PATRON_LINKS_SKIP"),
    ("special_files", "PATRON_SPECIAL_FILES_SKIP"),
    ("policy", "PATRON_ON_LEAVE_KEEP_SEEDING"),
    ("kind", "PATRON_SOURCE_TEXT"),
    ("files", "PATRON_REMOVE_FILES_KEEP"),
    ("command_kind", "PATRON_COMMAND_STATUS"),
    ("torrent_id", "torrent"),
    ("index", "0"),
    ("kinds", "PATRON_EVENTS_DEFAULT"),
    ("first", "0"),
    ("capacity", "1"),
    ("read_ahead", "0"),
    ("begin", "0"),
    ("range_length", "1"),
    ("tier", "0"),
    ("bytes", "16384"),
    ("seconds", "1"),
    ("interval_ms", "100"),
    ("timeout_ms", "PATIENCE_MS"),
    ("version", "0"),
    ("deadline_ms", "PATIENCE_MS"),
    ("name", "\"enable_dht\""),
    ("file", "torrent_path"),
    ("uri", "patron_magnet_uri(the_magnet).data"),
    ("url", "\"http://127.0.0.1:1/\""),
    ("comment", "\"a comment\""),
    ("creator", "\"a program\""),
    ("directory", "directory"),
    ("address", "\"127.0.0.1:1\""),
    ("interfaces", "\"127.0.0.1:0\""),
    ("source", "torrent_path"),
    ("info_hash", "(const uint8_t*)\"a hash of twenty byte\""),
    ("info_hash_length", "20"),
    ("level", "PATRON_LOG_ERROR"),
    ("log", "on_log"),
    ("wake", "on_wake"),
    ("finalize", "on_wake"),
    ("user_data", "&torrent"),
    ("file_index", "0"),
    ("piece_index", "0"),
    ("priority", "PATRON_PRIORITY_DEFAULT"),
    ("priorities", "(const uint8_t*)\"\\4\""),
    ("count", "1"),
    ("new_path", "\"data.bin\""),
    ("on_conflict", "PATRON_ON_CONFLICT_FAIL"),
    ("within_ms", "1000"),
    ("data", "(const uint8_t*)\"a piece\""),
    ("length", "7"),
    ("flag", "PATRON_FLAG_SEQUENTIAL"),
    ("rate", "1000000"),
    ("peers", "10"),
    ("queue_move", "PATRON_QUEUE_TOP"),
    ("position", "0"),
    ("tag", "0"),
    ("function", "on_wake"),
    ("urls", "\"http://127.0.0.1:1/\\n\\nhttp://127.0.0.1:2/\""),
    ("lowest", "\"192.0.2.0\""),
    ("highest", "\"192.0.2.255\""),
    ("ip_address", "\"192.0.2.1\""),
    ("allocation", "PATRON_ALLOCATION_FULL"),
    ("existing_files", "PATRON_EXISTING_FILES_OVERWRITE"),
    ("flags", "PATRON_FLAG_SEQUENTIAL"),
    // Never reached in this test.
    ("share_ratio", "1000.0"),
    ("seed_seconds", "1000000"),
    ("action", "PATRON_GOAL_ACTION_PAUSE"),
    ("certificate", "\"a certificate\""),
    ("private_key", "\"a key\""),
    ("dh_parameters", "\"numbers\""),
    ("ports", "some_ports"),
    ("range_count", "1"),
    ("host", "\"127.0.0.1\""),
    ("label", "\"a label\""),
    ("key", "\"a key\""),
    ("port", "1"),
    ("external_port", "6881"),
    ("local_port", "6881"),
    ("mapping", "0"),
    ("peer_class", "PATRON_PEER_CLASS_LOCAL"),
    ("peer_classes", "UINT32_C(1) << PATRON_PEER_CLASS_LOCAL"),
];

/// Parameters of type `int32_t` that are numbers. All others choose from a list.
/// `tests/c/starting.c` and `tests/c/requests.c` pass wrong ones.
const NUMBERS: &[&str] = &["value", "flags", "mapping"];

/// Paths, which need not be UTF-8.
const PATHS: &[(&str, &str)] = &[("patron_maker_new", "source")];
const PATH_NAMES: &[&str] = &["directory", "file", "new_path"];

/// Structs that the caller provides, with their size as the next argument.
const STRUCTS: &[&str] = &[
    "patron_status",
    "patron_hash_progress",
    "patron_file_status",
    "patron_partial_piece",
    "patron_torrent_options",
    "patron_peer",
    "patron_tracker_status",
    "patron_announce",
    "patron_peer_class_options",
];

/// Functions that read a list of structs which is empty here. `tests/c/requests.c` tests it with
/// elements.
const READS_NONE: &[&str] = &["patron_pieces_read_partial"];

/// Functions that return the neutral value although all arguments are valid, as there is nothing
/// else to return.
const NEUTRAL: &[&str] = &[
    "patron_error_category",
    "patron_error_value",
    "patron_event_address",
    "patron_event_available",
    "patron_event_removed_files",
    "patron_event_command",
    "patron_event_complete",
    "patron_event_count",
    "patron_event_error",
    "patron_event_file",
    "patron_event_goal",
    "patron_event_info_hash_v1",
    "patron_event_info_hash_v2",
    "patron_event_leechers",
    "patron_event_limit",
    "patron_event_mapper",
    "patron_event_message",
    "patron_event_outgoing",
    "patron_event_path",
    "patron_event_piece",
    "patron_event_port",
    "patron_event_protocol",
    "patron_event_resume_data",
    "patron_event_save_dir",
    "patron_event_seeds",
    "patron_event_source",
    "patron_event_statistics",
    "patron_event_tag",
    "patron_event_torrent_file",
    "patron_event_url",
    "patron_ip_filter_skipped",
    "patron_ip_filter_skipped_line",
    "patron_magnet_invalid_url",
    "patron_magnet_invalid_url_count",
    "patron_magnet_peer",
    "patron_magnet_peer_count",
    "patron_making_left_out",
    "patron_making_left_out_count",
    "patron_metainfo_file_first_piece",
    "patron_metainfo_file_is_pad",
    "patron_metainfo_file_offset",
    "patron_metainfo_file_symlink",
    "patron_metainfo_invalid_url",
    "patron_metainfo_invalid_url_count",
    "patron_pieces_availability",
    "patron_pieces_partial_count",
    "patron_reader_position",
    "patron_reply_is_true",
    "patron_reply_label",
    "patron_reply_label_count",
    "patron_reply_note_count",
    "patron_reply_note_key",
    "patron_reply_note_value",
    "patron_reply_port_mapping",
    "patron_reply_port_mapping_count",
    "patron_reply_torrent",
    "patron_reply_was_there",
    "patron_report_took",
    "patron_report_torrents",
    "patron_report_unanswered",
    "patron_report_unfinished_deletion",
    "patron_report_unfinished_deletion_count",
    "patron_report_unfinished_move",
    "patron_report_unfinished_move_count",
    "patron_report_unsaved",
    "patron_snapshot_error",
    "patron_snapshot_removed",
    "patron_snapshot_removed_count",
    "patron_statistics_all_time_received",
    "patron_statistics_all_time_sent",
    "patron_trackers_announce_message",
    "patron_verified_bad_pieces",
    "patron_verified_bad_size",
    "patron_verified_file_bad_pieces",
    "patron_verified_file_error",
    "patron_verified_file_size_found",
];

/// Functions that return -1 if there is nothing to return.
const COUNTS: &[&str] =
    &["patron_event_leechers", "patron_event_seeds", "patron_reply_port_mapping"];

const HANDLES: &[&str] = &[
    "patron_handle",
    "patron_client",
    "patron_reply",
    "patron_making",
    "patron_verifying",
    "patron_reader",
];

#[derive(Clone, Copy)]
enum Expected {
    Good,
    /// Fails with this code, or returns the neutral value if the function cannot fail.
    Bad(&'static str),
}

impl Parameter {
    fn is_pointer(&self) -> bool {
        self.kind.contains('*')
    }

    fn is_error(&self) -> bool {
        self.kind == "patron_error **"
    }

    /// The type of the object that the parameter returns.
    fn object(&self) -> Option<&str> {
        self.kind.strip_suffix(" **").filter(|_| !self.is_error())
    }

    /// The type of the place that the function writes to.
    fn output(&self) -> Option<String> {
        if let Some(object) = self.kind.strip_suffix(" **") {
            return Some(format!("{object} *"));
        }
        let scalar = self.kind.strip_suffix(" *")?;
        match scalar {
            // Room for more than one, so that writing beyond the struct is noticed.
            _ if STRUCTS.contains(&scalar) => Some(format!(
                "union {{ {scalar} value; unsigned char bytes[2 * sizeof({scalar})]; }}"
            )),
            "int32_t" | "int64_t" | "uint8_t" | "uint64_t" | "size_t" => Some(scalar.to_owned()),
            _ => None,
        }
    }

    fn structure(&self) -> Option<&str> {
        self.kind.strip_suffix(" *").filter(|kind| STRUCTS.contains(kind))
    }

    /// The struct that the function reads.
    fn given(&self) -> Option<&str> {
        let kind = self.kind.strip_prefix("const ")?.strip_suffix(" *")?;
        STRUCTS.contains(&kind).then_some(kind)
    }

    /// The length of the byte array that the function writes.
    fn array(&self) -> Option<&str> {
        self.kind.strip_prefix("uint8_t (*)[")?.strip_suffix(']')
    }

    fn handle(&self) -> Option<&str> {
        self.kind.strip_suffix(" *").filter(|kind| HANDLES.contains(kind))
    }

    fn is_text(&self) -> bool {
        ["const char *", "const void *"].contains(&&*self.kind)
    }

    fn is_data(&self) -> bool {
        self.is_text() || self.kind == "const uint8_t *"
    }
}

impl Function {
    fn can_fail(&self) -> bool {
        self.parameters.last().is_some_and(Parameter::is_error)
    }

    fn frees(&self) -> bool {
        self.result == "void"
    }

    /// The struct that the function writes.
    fn written(&self) -> Option<&str> {
        self.parameters.iter().find_map(Parameter::structure)
    }

    /// The struct that the function writes or reads.
    fn structure(&self) -> &str {
        self.written().or_else(|| self.parameters.iter().find_map(Parameter::given)).unwrap()
    }

    /// A valid argument.
    fn right(&self, index: usize) -> String {
        let parameter = &self.parameters[index];
        let Parameter { kind, name } = parameter;
        let special =
            SPECIAL.iter().find(|(function, known, _)| *function == self.name && known == name);
        if let Some((_, _, value)) = special {
            return (*value).to_owned();
        }
        if let Some(before) = index.checked_sub(1).map(|index| &self.parameters[index])
            && before.is_text()
        {
            return format!("strlen({})", self.right(index - 1));
        }
        if name == "struct_size" {
            return format!("sizeof({})", self.structure());
        }
        if parameter.structure().is_some() {
            return format!("&{name}_place.value");
        }
        if parameter.output().is_some() || parameter.array().is_some() {
            return format!("&{name}_place");
        }
        if let Some(object) = kind.strip_suffix(" *").and_then(|kind| kind.strip_prefix("const ")) {
            if let Some(short) = object.strip_prefix("patron_") {
                return format!("the_{short}");
            }
        } else if let Some(handle) = parameter.handle() {
            return format!("the_{}", handle.strip_prefix("patron_").unwrap_or(handle));
        } else if let Some(short) =
            kind.strip_suffix(" *").and_then(|kind| kind.strip_prefix("patron_"))
        {
            let whose = if self.frees() { "the" } else { "scratch" };
            return format!("{whose}_{short}");
        }
        if kind == "bool" {
            return "true".to_owned();
        }
        let value = VALUES.iter().find(|(known, _)| known == name);
        value.unwrap_or_else(|| panic!("what is right for {} of {}?", name, self.name)).1.to_owned()
    }

    /// Writes a call with some arguments replaced.
    fn call(&self, out: &mut String, what: &str, changes: &[(usize, &str)], expected: Expected) {
        let name = &self.name;
        writeln!(out, "    {{\n        current = \"{name}: {what}\";").unwrap();
        for parameter in &self.parameters {
            let place = &parameter.name;
            let declared = match (parameter.output(), parameter.array()) {
                (Some(kind), _) => format!("{kind} {place}_place"),
                (None, Some(length)) => format!("uint8_t {place}_place[{length}]"),
                (None, None) => continue,
            };
            writeln!(
                out,
                "        {declared};\n        memset(&{place}_place, 0x5e, sizeof {place}_place);"
            )
            .unwrap();
        }
        if name == "patron_next_event" {
            // Provides an event.
            let send = "patron_send(the_handle, PATRON_COMMAND_STATUS, torrent, 0, true, NULL);";
            writeln!(out, "        {send}").unwrap();
        }
        let arguments: Vec<_> = (0..self.parameters.len())
            .map(|index| {
                let change = changes.iter().find(|(changed, _)| *changed == index);
                change.map_or_else(|| self.right(index), |(_, value)| (*value).to_owned())
            })
            .collect();
        let has_error = arguments.last().is_some_and(|last| last == "&error_place");
        let call = format!("{name}({})", arguments.join(", "));
        match expected {
            _ if self.frees() => writeln!(out, "        {call};"),
            Expected::Good if self.can_fail() && !has_error => {
                writeln!(out, "        EXPECT({call} == PATRON_OK);")
            }
            Expected::Bad(code) if self.can_fail() && !has_error => {
                writeln!(out, "        EXPECT({call} == {code});")
            }
            Expected::Good | Expected::Bad(_) if self.can_fail() => {
                let code = if let Expected::Bad(code) = expected { code } else { "PATRON_OK" };
                writeln!(out, "        int32_t code = {call};").unwrap();
                writeln!(out, "        expect_code(code, {code}, error_place);")
            }
            Expected::Good if NEUTRAL.contains(&&**name) => writeln!(out, "        (void){call};"),
            Expected::Good | Expected::Bad(_) => {
                writeln!(out, "        {} result = {call};", self.result).unwrap();
                let neutral = match &*self.result {
                    "patron_text" => "is(result, \"\")",
                    "patron_bytes" => "(!result.data && !result.length)",
                    // 0 is a valid number of peers and a valid mapping.
                    _ if COUNTS.contains(&&**name) => "(result == -1)",
                    _ => "!result",
                };
                let not = if matches!(expected, Expected::Good) { "!" } else { "" };
                writeln!(out, "        EXPECT({not}{neutral});")
            }
        }
        .unwrap();
        for (parameter, argument) in self.parameters.iter().zip(&arguments) {
            let place = &parameter.name;
            let is_place = parameter.output().is_some() || parameter.array().is_some();
            match expected {
                Expected::Bad(_) if is_place && !parameter.is_error() => {
                    writeln!(out, "        EXPECT(IS_UNTOUCHED({place}_place));").unwrap();
                }
                Expected::Good if argument != "NULL" => {
                    if let Some(object) = parameter.object() {
                        writeln!(out, "        {}", done_with(object, &format!("{place}_place")))
                            .unwrap();
                    }
                }
                _ => {}
            }
        }
        out.push_str("    }\n");
    }

    fn misuse(&self, out: &mut String) {
        use Expected::{Bad, Good};
        writeln!(out, "static void misuse_{}(void) {{", self.name).unwrap();
        if self.frees() {
            self.call(out, "NULL", &[(0, "NULL")], Bad(""));
            out.push_str("}\n\n");
            return;
        }
        self.call(out, "all is right", &[], Good);
        for (index, parameter) in self.parameters.iter().enumerate() {
            let name = &*parameter.name;
            let optional = OPTIONAL.contains(&(&*self.name, name)) || parameter.is_error();
            let says = |wrong: &str| format!("{name} is {wrong}");
            if parameter.is_data() {
                self.call(out, &says("NULL"), &[(index, "NULL"), (index + 1, "1")], Bad(NULL));
                let most = [(index + 1, "SIZE_MAX - 1")];
                self.call(out, &says("too long"), &most, Bad(INVALID));
                self.empty(out, index);
            } else if parameter.is_pointer() {
                let expected = if optional { Good } else { Bad(NULL) };
                self.call(out, &says("NULL"), &[(index, "NULL")], expected);
                if parameter.is_error() && self.parameters[0].is_pointer() {
                    let mut changes = vec![(0, "NULL"), (index, "NULL")];
                    if self.parameters[0].is_data() {
                        changes.push((1, "1"));
                    }
                    let first = &*self.parameters[0].name;
                    let may = OPTIONAL.contains(&(&*self.name, first));
                    self.call(out, "no error", &changes, if may { Good } else { Bad(NULL) });
                }
            }
            let is_path = PATHS.contains(&(&*self.name, name)) || PATH_NAMES.contains(&name);
            if parameter.is_text() && !is_path {
                let changes = [(index, "\"\\xff\""), (index + 1, "1")];
                self.call(out, &says("not UTF-8"), &changes, Bad(INVALID));
            }
            if parameter.kind == "int32_t" && !NUMBERS.contains(&name) {
                for wrong in ["-1", "99", "INT32_MAX", "INT32_MIN"] {
                    self.call(out, &says(wrong), &[(index, wrong)], Bad(INVALID));
                }
            }
            if name == "struct_size" {
                let less = |bytes| format!("sizeof({}) - {bytes}", self.structure());
                for wrong in ["0", "1", &less(1), &less(8)] {
                    self.call(out, &says(wrong), &[(index, wrong)], Bad(INVALID));
                }
                match self.written() {
                    Some(_) => self.larger(out, index),
                    None => self.larger_given(out, index),
                }
            }
            if let Some(handle) = parameter.handle() {
                let short = |handle: &str| handle.trim_start_matches("patron_").to_owned();
                let freed = format!("freed_{}", short(handle));
                self.call(out, &says("freed"), &[(index, &freed)], Bad(BAD_HANDLE));
                for other in HANDLES.iter().filter(|other| **other != handle) {
                    let other = format!("({handle}*)the_{}", short(other));
                    self.call(out, &says("of another type"), &[(index, &other)], Bad(BAD_HANDLE));
                }
                for address in ["&torrent", "1", "UINTPTR_MAX"] {
                    let strange = format!("({handle}*){address}");
                    self.call(out, &says("no handle"), &[(index, &strange)], Bad(BAD_HANDLE));
                }
            }
        }
        out.push_str("}\n\n");
    }

    /// Checks that NULL with the length 0 has the same effect as an empty text.
    fn empty(&self, out: &mut String, index: usize) {
        let call = |text: &str| {
            let mut arguments: Vec<_> =
                (0..self.parameters.len()).map(|index| self.right(index)).collect();
            arguments[index] = text.to_owned();
            arguments[index + 1] = "0".to_owned();
            for (argument, parameter) in arguments.iter_mut().zip(&self.parameters) {
                if parameter.is_error() {
                    *argument = "NULL".to_owned();
                } else if parameter.output().is_some() {
                    *argument = format!("&{}", parameter.name);
                }
            }
            format!("{}({})", self.name, arguments.join(", "))
        };
        let cast = if self.parameters[index].is_text() { "" } else { "(const uint8_t*)" };
        let calls = [call("NULL"), call(&format!("{cast}\"\""))];
        writeln!(out, "    {{\n        current = \"{}: empty\";", self.name).unwrap();
        for (number, call) in calls.iter().enumerate() {
            let mut frees = String::new();
            out.push_str("        {\n");
            for parameter in self.parameters.iter().filter(|parameter| !parameter.is_error()) {
                let name = &parameter.name;
                if let Some(kind) = parameter.output() {
                    let zero = if parameter.object().is_some() { "NULL" } else { "0" };
                    writeln!(out, "            {kind} {name} = {zero};").unwrap();
                }
                if let Some(object) = parameter.object() {
                    writeln!(frees, "            {}", done_with(object, name)).unwrap();
                }
            }
            if self.result == "patron_text" {
                writeln!(out, "            EXPECT(is({call}, \"\"));").unwrap();
            } else if number == 0 {
                writeln!(out, "            first_code = {call};").unwrap();
            } else {
                writeln!(out, "            EXPECT({call} == first_code);").unwrap();
            }
            out.push_str(&frees);
            out.push_str("        }\n");
        }
        out.push_str("    }\n");
    }

    /// A struct that the library reads, from a program that was compiled with a newer header: the
    /// rest must be zero, as anything else has a meaning that this library does not know.
    fn larger_given(&self, out: &mut String, index: usize) {
        let size = format!("sizeof({}) + 8", self.structure());
        let before = self.right(index - 1);
        self.call(out, "a larger struct", &[(index, &size)], Expected::Good);
        let strange = format!("strange_{}", before.strip_prefix("the_").unwrap());
        let changes = [(index - 1, &*strange), (index, &*size)];
        self.call(out, "a larger struct with more in it", &changes, Expected::Bad(INVALID));
    }

    /// The struct of a program that was compiled with a newer header: the rest becomes zero, and
    /// nothing may be written beyond it.
    fn larger(&self, out: &mut String, index: usize) {
        let sizeof = format!("sizeof({})", self.structure());
        let size = format!("{sizeof} + 8");
        let mut text = String::new();
        self.call(&mut text, "a larger struct", &[(index, &size)], Expected::Good);
        if READS_NONE.contains(&&*self.name) {
            out.push_str(&text);
            return;
        }
        let text = text.strip_suffix("    }\n").unwrap();
        write!(
            out,
            "{text}        EXPECT(!all(&out_place, 0x5e, 0, {sizeof}));\n        \
             EXPECT(all(&out_place, 0, {sizeof}, {size}));\n        \
             EXPECT(all(&out_place, 0x5e, {size}, sizeof out_place));\n    }}\n"
        )
        .unwrap();
    }

    fn forked(&self, out: &mut String) {
        // Errors can be read in any process.
        if self.name.starts_with("patron_error_") {
            return;
        }
        // The valid argument cannot be created in the child.
        let client = self.parameters.iter().position(|parameter| parameter.name == "client");
        let changes: Vec<_> = client.map(|index| (index, "the_client")).into_iter().collect();
        self.call(out, "forked", &changes, Expected::Bad("PATRON_E_FORKED"));
    }
}

/// Frees an object. Waits for a reply first, so that the client leaves nothing undone at the end.
fn done_with(object: &str, name: &str) -> String {
    let wait = match object {
        "patron_reply" => format!("patron_reply_wait({name}, PATIENCE_MS, NULL); "),
        _ => String::new(),
    };
    format!("{wait}{}_free({name});", object.strip_suffix("_handle").unwrap_or(object))
}

const NULL: &str = "PATRON_E_NULL";
const INVALID: &str = "PATRON_E_INVALID_ARGUMENT";
const BAD_HANDLE: &str = "PATRON_E_BAD_HANDLE";

fn program() -> String {
    let functions = functions();
    for (function, parameter) in OPTIONAL {
        let known = functions.iter().find(|known| known.name == *function);
        let known = known.unwrap_or_else(|| panic!("there is no {function}"));
        assert!(known.parameters.iter().any(|known| known.name == *parameter), "{parameter}");
    }
    let mut out = "#include \"misuse.h\"\n\nstatic int32_t first_code;\n\n".to_owned();
    for function in &functions {
        function.misuse(&mut out);
    }
    out.push_str("static void misuse_all(void) {\n");
    for function in &functions {
        writeln!(out, "    misuse_{}();", function.name).unwrap();
    }
    out.push_str("}\n\nstatic void forked_all(void) {\n");
    for function in &functions {
        function.forked(&mut out);
    }
    out.push_str("}\n");
    out
}

fn check(compiler: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("misuse.c");
    std::fs::write(&source, program()).unwrap();
    run(shared(), compiler, &source);
}

#[test]
fn every_misuse_is_an_error_in_c11() {
    check(C11);
}

#[test]
fn every_misuse_is_an_error_in_cxx17() {
    check(CXX17);
}

#[test]
fn every_misuse_is_an_error_in_sanitized_c11() {
    check(SANITIZED);
}
