"""What Deribit does and this exchange does not, each with its reason."""

from miletus.gateway.rpc import unsupported

unsupported(
    """public/get_funding_rate_history public/get_funding_rate_value public/get_funding_chart_data""",
    "the machine pays no funding yet",
)
unsupported("public/get_volatility_index_data", "there is no volatility index")
unsupported("public/get_mark_price_history", "marks are not kept: they are in the data that L1 has")
unsupported("public/get_apr_history private/get_reward_eligibility", "collateral earns nothing here")
unsupported("public/exchange_token", "accounts have no subaccounts: make credentials for each account")
unsupported(
    """private/get_mmp_config private/set_mmp_config private/reset_mmp private/get_mmp_status""",
    "there is no market maker protection yet",
)
unsupported(
    """private/get_trigger_order_history private/get_stop_order_history""", "there are no trigger orders"
)
unsupported(
    """private/execute_block_trade private/verify_block_trade private/simulate_block_trade
    private/approve_block_trade private/reject_block_trade private/get_block_trade
    private/get_block_trades private/get_block_trade_requests private/invalidate_block_trade_signature
    private/get_last_block_trades_by_currency private/move_positions public/get_block_rfq_trades
    private/create_block_rfq private/add_block_rfq_quote private/edit_block_rfq_quote
    private/cancel_block_rfq_quote private/cancel_all_block_rfq_quotes private/accept_block_rfq
    private/cancel_block_rfq private/get_block_rfqs private/get_block_rfq_quotes
    private/get_block_rfq_user_info private/get_block_rfq_makers""",
    "there are no block trades",
)
unsupported(
    """public/get_combos public/get_combo_ids public/get_combo_details private/create_combo
    private/get_leg_prices""",
    "there are no combos",
)
unsupported(
    """private/create_api_key private/list_api_keys private/remove_api_key private/reset_api_key
    private/enable_api_key private/disable_api_key private/edit_api_key private/change_scope_in_api_key
    private/change_api_key_name private/set_api_key_as_default""",
    "credentials are in the gateway's own file: miletus gateway --help",
)
unsupported(
    """private/create_subaccount private/remove_subaccount private/change_subaccount_name
    private/set_email_for_subaccount private/set_password_for_subaccount
    private/disable_tfa_for_subaccount private/toggle_subaccount_login
    private/toggle_notifications_from_subaccount private/set_email_language private/get_email_language
    private/get_access_log private/get_user_locks private/set_announcement_as_read
    private/get_new_announcements private/set_disabled_trading_products
    private/enable_affiliate_program private/get_affiliate_program_info
    private/set_self_trading_config private/change_margin_model private/list_custody_accounts""",
    "an account is a key here, with nothing of a web site's user",
)
unsupported(
    """private/create_deposit_address private/add_to_address_book private/remove_from_address_book
    private/get_address_book private/update_in_address_book private/set_clearance_originator
    private/cancel_withdrawal private/cancel_transfer_by_id private/submit_transfer_between_subaccounts
    private/submit_transfer_to_subaccount private/save_address_beneficiary
    private/get_address_beneficiary private/list_address_beneficiaries""",
    "money goes by the L1 contracts: to the owner's own address, and not back",
)
unsupported(
    """private/get_order_margin_by_ids""", "margin is of the whole portfolio: see private/get_margins"
)
