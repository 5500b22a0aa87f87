"""Mails as they really come back: replies, automatic ones, bounces and complaints, by the programs that write them."""

OURS = "<0123456789abcdef0123456789abcdef@sales.example>"

GMAIL_WORDS = "Klingt gut \N{EN DASH} Donnerstag?"
GMAIL_REPLY = f"""\
Return-Path: <jo@gmail.example>
MIME-Version: 1.0
References: {OURS}
In-Reply-To: {OURS}
From: Jo =?UTF-8?B?TcO8bGxlcg==?= <jo@gmail.example>
Date: Tue, 3 Mar 2026 09:12:44 +0100
Message-ID: <CAF1a2b3c4d5@mail.gmail.example>
Subject: Re: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=
To: Ann <ann@sales.example>
Content-Type: multipart/alternative; boundary="000000000000aa"

--000000000000aa
Content-Type: text/plain; charset="UTF-8"
Content-Transfer-Encoding: quoted-printable

Klingt gut =E2=80=93 Donnerstag?

Am Mo., 2. M=C3=A4rz 2026 um 10:00 Uhr schrieb Ann <ann@sales.example>:

> Hello,
> shall we talk?
> Unsubscribe: https://sales.example/unsubscribe/x

--000000000000aa
Content-Type: text/html; charset="UTF-8"

<div>Klingt gut</div>
--000000000000aa--
"""

EXCHANGE_OUT_OF_OFFICE = f"""\
Received: from AM0PR01.prod.exchangelabs.example
From: Jo Miller <jo@corp.example>
To: Ann <ann@sales.example>
Subject: Automatic reply: Your forecasts
Thread-Topic: Your forecasts
Date: Mon, 2 Mar 2026 10:00:05 +0000
Message-ID: <b1946ac92492d2347c6235b4d2611184@AM0PR01.prod.exchangelabs.example>
References: {OURS}
In-Reply-To: {OURS}
X-MS-Has-Attach:
X-Auto-Response-Suppress: All
auto-submitted: auto-generated
X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent
Content-Type: text/plain; charset="us-ascii"
MIME-Version: 1.0

I am out of office until 9 March.
"""

VACATION = f"""\
Return-Path: <>
From: jo@unix.example
To: ann@sales.example
Subject: away from my mail
Auto-Submitted: auto-replied (vacation)
Precedence: bulk
In-Reply-To: {OURS}
Message-ID: <20260302100007.1234@unix.example>

I am on vacation.
"""

POSTFIX_BOUNCE = f"""\
Return-Path: <>
From: MAILER-DAEMON@mx.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: ann@sales.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F1A2B.1772445600/mx.example"
Message-Id: <20260302100001.4F1A2B@mx.example>

This is a MIME-encapsulated message.

--4F1A2B.1772445600/mx.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<gone@corp.example>: host mail.corp.example said: 550 5.1.1 User unknown

--4F1A2B.1772445600/mx.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
X-Postfix-Queue-ID: 4F1A2B
Arrival-Date: Mon,  2 Mar 2026 10:00:00 +0000 (UTC)

Final-Recipient: rfc822; gone@corp.example
Original-Recipient: rfc822;gone@corp.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.corp.example
Diagnostic-Code: smtp; 550 5.1.1 <gone@corp.example>: User unknown

--4F1A2B.1772445600/mx.example
Content-Description: Undelivered Message
Content-Type: message/rfc822

From: Ann <ann@sales.example>
To: gone@corp.example
Subject: Your forecasts
Message-ID: {OURS}

Hello
--4F1A2B.1772445600/mx.example--
"""

EXCHANGE_BOUNCE_WITH_HEADERS_ALONE = (
    POSTFIX_BOUNCE.replace("message/rfc822", "text/rfc822-headers")
    .replace("Original-Recipient: rfc822;gone@corp.example\n", "")
    .replace("Final-Recipient: rfc822; gone", "Final-Recipient: rfc822;gone")
)
FULL_MAILBOX = POSTFIX_BOUNCE.replace("Status: 5.1.1", "Status: 4.2.2").replace("550 5.1.1", "452 4.2.2")
STILL_TRYING = FULL_MAILBOX.replace("Action: failed", "Action: delayed")
RECEIPT = POSTFIX_BOUNCE.replace("Action: failed", "Action: delivered").replace("Status: 5.1.1", "Status: 2.0.0")

EXIM_BOUNCE = f"""\
Return-path: <>
X-Failed-Recipients: gone@corp.example
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@exim.example>
To: ann@sales.example
References: {OURS}
Subject: Mail delivery failed: returning message to sender
Message-Id: <E1abcde-0001Xy-2Z@exim.example>

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  gone@corp.example
    SMTP error from remote mail server after RCPT TO:<gone@corp.example>:
    550 5.1.1 No such user
"""

COMPLAINT = f"""\
From: <feedback@isp.example>
To: <abuse@sales.example>
Subject: complaint about message
Message-ID: <complaint-1@isp.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part1"

--part1
Content-Type: text/plain

This is an email abuse report.
--part1
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <jo@isp.example>
--part1
Content-Type: message/rfc822

From: <ann@sales.example>
To: <jo@isp.example>
Message-ID: {OURS}
Subject: Your forecasts

Hello
--part1--
"""


def bounce(status: str, diagnosis: str) -> str:
    """Return Postfix's bounce for another reason."""
    return POSTFIX_BOUNCE.replace("Status: 5.1.1", f"Status: {status}").replace(
        "550 5.1.1 <gone@corp.example>: User unknown", diagnosis
    )


OFFICE_365_BOUNCE = bounce("5.4.1", "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)")
EXIM_BOUNCE_WITHOUT_A_REASON = bounce("5.0.0", "550-5.1.1 The email account that you tried to reach does not exist")
UNCODED_BOUNCE = bounce("5.0.0", "550 [185.5.7.1] sorry, no mailbox here by that name")
FULL_FOR_GOOD = bounce("5.2.2", "552 5.2.2 The recipient's inbox is out of storage space")
DISLIKED = bounce("5.7.1", "550 5.7.1 Service unavailable; client host blocked using a list")
UNAUTHENTICATED = bounce("5.0.0", "550 5.7.515 Access denied, sending domain does not meet the required level")
UNCODED_DISLIKE = bounce("5.0.0", "554 Your message looks like spam")
TOO_BIG = bounce("5.3.4", "552 5.3.4 Message size exceeds fixed limit")
EXPIRED = bounce("5.4.7", "554 5.4.7 [internal] exceeded max time without delivery")
SEVERAL_RECIPIENTS = POSTFIX_BOUNCE.replace(
    "Final-Recipient: rfc822; gone",
    "Final-Recipient: rfc822; list@corp.example\nAction: expanded\nStatus: 2.0.0\n\nFinal-Recipient: rfc822; gone",
)

QMAIL_BOUNCE = f"""\
Return-Path: <>
From: MAILER-DAEMON@qmail.example
To: ann@sales.example
Subject: failure notice
Date: 2 Mar 2026 10:00:00

Hi. This is the qmail-send program at qmail.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<gone@corp.example>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Received: (qmail 12345 invoked from network); 2 Mar 2026 10:00:00 -0000
From: Ann <ann@sales.example>
To: gone@corp.example
Message-ID: {OURS}

Hello
"""

FORWARDED_BOUNCE = (
    f"From: Jo <jo@corp.example>\nIn-Reply-To: {OURS}\nMIME-Version: 1.0\n"
    'Content-Type: multipart/mixed; boundary="fw"\n\n'
    "--fw\nContent-Type: text/plain\n\nLook what I got\n\n--fw\nContent-Type: message/rfc822\n\n"
    f"{POSTFIX_BOUNCE}\n--fw--\n"
)
"""Somebody encloses a bounce: it is a reply, and says nothing about the address in the bounce."""

OUTLOOK_REPLY = f"""\
From: Jo Miller <jo@corp.example>
To: Ann <ann@sales.example>
Subject: RE: Your forecasts
References: {OURS}
Message-ID: <AM0PR01MB1234@prod.outlook.example>
MIME-Version: 1.0
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: base64

{{html}}
"""
OUTLOOK_HTML = """\
<html><head><style>p {{ margin: 0 }} /* {css} */</style></head><body><p>Klingt gut, wann?</p>
<hr><p><b>Von:</b> Ann<br><b>Gesendet:</b> Montag<br><b>An:</b> Jo<br></p><p>Hello</p>
<a href="https://eur01.safelinks.protection.outlook.example/?url=https%3A%2F%2Fsales.example%2Funsubscribe%2Fx">\
Unsubscribe</a></body></html>
"""

BOTTOM_POSTED = f"""\
From: jo@unix.example
In-Reply-To: {OURS}

> shall we talk?
> --
> 1 Main Street
> Unsubscribe: https://sales.example/unsubscribe/x

Yes, Thursday.
"""

GROUP_REPLY = f"""\
From: Jo <jo@corp.example>
Precedence: list
List-ID: <team.sales.example>
List-Unsubscribe: <https://groups.example/leave>
In-Reply-To: {OURS}

Sounds good.
"""
"""A person's reply to a group address, which hands it on as a mailing list does."""

HOSTILE_CHARSET = b"Subject: =?\xff?q?a?=\r\nFrom: jo@x.example\r\n\r\nhello"
"""The library raises `CharsetError` for it, which is no ValueError."""

GARBAGE = (
    HOSTILE_CHARSET,
    b"From: =?\xff?q?a?= <jo@x.example>\r\nReferences: =?\xff?q?a?=\r\n\r\nhello",
    b"\xff\xfe\x00 not a mail at all",
    b"",
    b"From: =?utf-8?q?=ZZ?= <\nSubject: =?no-such-charset?b?@@@?=\nContent-Type: text/plain; charset=klingon\n\n\xff",
    (
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n"
        b"--x\nContent-Type: message/delivery-status\n\n"
    ),
    b"Content-Type: multipart/mixed\nDate: yesterday\nReferences: <a <b> c> <d\n\nno boundary",
    b"Content-Type: text/plain; charset=idna\n\nx",
    b"Content-Type: text/plain; charset=utf-7\n\n+2AA- half a pair",
    b'Content-Type: text/plain; charset="utf-8\x00"\n\nx\x00y',
    b"Subject: =?utf-8?b?A?= =?utf-8?q?=00?=\n\nx",
    b"From: " + b"(" * 100_000 + b"\n\nx",
    b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (depth, depth) for depth in range(2_000)),
    b"Content-Type: message/rfc822\n\n" * 2_000,
)
