"""Who a mailing is for, as pieces of SQL that the plan and the last look before a batch leaves share.

They speak of `m` (mailing), `s` (subscriber), `a` (what the subscriber wants of the mailing's lists), `sup` (a suppression), `p` (a
provider that owns the domain) and `mx` (who was found behind a domain).
"""

# A candidate is on one of the lists and has not left it. Why one is skipped is decided here alone, for the plan and for the
# last look before a batch leaves. What holds for few is asked first whether it holds for anybody, since it is asked for everybody.
SKIP_REASON = """
    CASE WHEN sup.reason IS NOT NULL THEN 'suppressed: ' || sup.reason
         WHEN s.state <> 'active' THEN 'disabled'
         WHEN cardinality(m.excluded_list_ids) > 0 AND EXISTS (
                  SELECT FROM subscription x WHERE x.subscriber_id = s.id AND x.list_id = ANY(m.excluded_list_ids)
                      AND x.state <> 'unsubscribed') THEN 'on an excluded list'
         WHEN NOT COALESCE(a.confirmed, false) THEN COALESCE(a.wish, 'unsubscribed')
         WHEN EXISTS (SELECT FROM reader_frequency f WHERE f.subscriber_id = s.id) AND EXISTS (
                  SELECT FROM reader_frequency f
                      JOIN mailing earlier ON earlier.list_ids && m.list_ids AND earlier.id <> m.id AND earlier.started_at IS NOT NULL
                           AND earlier.started_at > COALESCE(m.started_at, m.at) - make_interval(days => f.days - 1)
                      JOIN delivery got ON got.mailing_id = earlier.id AND got.subscriber_id = s.id AND got.state <> 'skipped'
                      WHERE f.subscriber_id = s.id AND f.list_id = ANY(m.list_ids)
                          AND NOT (earlier.issue_id = m.issue_id AND EXISTS (  -- a correction is no further issue
                              SELECT FROM edition JOIN revision ON revision.id = edition.revision_id
                              WHERE edition.id = m.edition_id AND revision.kind = 'correction'))) THEN 'wants fewer issues'
    END"""

AUDIENCE = """
    SELECT subscriber_id, bool_or(state = 'confirmed') AS confirmed, min(state) AS wish
    FROM subscription WHERE list_id = ANY(:lists) AND state <> 'unsubscribed' GROUP BY subscriber_id"""

SUPPRESSION = """
    LEFT JOIN LATERAL (SELECT reason FROM suppression
        WHERE address_hash = s.address_hash AND (list_id IS NULL OR list_id = ANY(m.list_ids)) AND (until IS NULL OR until > now())
        LIMIT 1) sup ON true"""

# Who runs a subscriber's mailbox: by the domain where a provider is known to own it, else by its MX as it was asked last.
PROVIDER = "COALESCE(p.provider, mx.provider, 'other')"

PROVIDERS = """
    LEFT JOIN unnest(CAST(:domains AS text[]), CAST(:providers AS text[])) AS p(domain, provider) ON p.domain = s.domain
    LEFT JOIN mail_domain mx ON mx.domain = s.domain"""
