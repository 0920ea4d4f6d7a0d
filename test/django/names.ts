/** Django's tests of its session framework, by class. An async twin asserts the same as its test, so one test of ours stands for both. */
interface DjangoTest {
  readonly name: string;
  readonly twin?: string;
}

const withTwin = (name: string): DjangoTest => ({ name, twin: `${name}_async` });
const alone = (name: string): DjangoTest => ({ name });

export const djangoTests: Readonly<Record<string, readonly DjangoTest[]>> = {
  SessionTestsMixin: [
    alone("test_new_session"),
    withTwin("test_get_empty"),
    withTwin("test_store"),
    withTwin("test_pop"),
    withTwin("test_pop_default"),
    withTwin("test_pop_default_named_argument"),
    withTwin("test_pop_no_default_keyerror_raised"),
    withTwin("test_setdefault"),
    withTwin("test_update"),
    withTwin("test_has_key"),
    withTwin("test_values"),
    withTwin("test_keys"),
    withTwin("test_items"),
    alone("test_clear"),
    withTwin("test_save"),
    withTwin("test_delete"),
    withTwin("test_flush"),
    withTwin("test_cycle"),
    withTwin("test_cycle_with_no_session_cache"),
    withTwin("test_save_doesnt_clear_data"),
    withTwin("test_invalid_key"),
    alone("test_session_key_empty_string_invalid"),
    alone("test_session_key_too_short_invalid"),
    alone("test_session_key_valid_string_saved"),
    alone("test_session_key_is_read_only"),
    withTwin("test_default_expiry"),
    withTwin("test_custom_expiry_seconds"),
    withTwin("test_custom_expiry_timedelta"),
    withTwin("test_custom_expiry_datetime"),
    withTwin("test_custom_expiry_reset"),
    withTwin("test_get_expire_at_browser_close"),
    alone("test_decode"),
    alone("test_decode_failure_logged_to_security"),
    alone("test_decode_serializer_exception"),
    withTwin("test_actual_expiry"),
    withTwin("test_session_load_does_not_create_record"),
    {
      name: "test_session_save_does_not_resurrect_session_logged_out_in_other_context",
      twin: "test_session_asave_does_not_resurrect_session_logged_out_in_other_context",
    },
  ],
  SessionMiddlewareTests: [
    alone("test_secure_session_cookie"),
    alone("test_httponly_session_cookie"),
    alone("test_samesite_session_cookie"),
    alone("test_no_httponly_session_cookie"),
    alone("test_session_save_on_500"),
    alone("test_session_save_on_5xx"),
    alone("test_session_update_error_redirect"),
    alone("test_session_delete_on_end"),
    alone("test_session_delete_on_end_with_custom_domain_and_path"),
    alone("test_flush_empty_without_session_cookie_doesnt_set_cookie"),
    alone("test_save_every_request_with_non_empty_session_renews_session_cookie"),
    alone("test_empty_session_saved"),
  ],
  SessionBaseTests: [
    { name: "test_create", twin: "test_acreate" },
    { name: "test_delete", twin: "test_adelete" },
    { name: "test_exists", twin: "test_aexists" },
    { name: "test_load", twin: "test_aload" },
    { name: "test_save", twin: "test_asave" },
    { name: "test_test_cookie", twin: "test_atest_cookie" },
    alone("test_is_empty"),
    alone("test_bool"),
  ],
  ClearSessionsCommandTests: [alone("test_clearsessions_unsupported")],
};
