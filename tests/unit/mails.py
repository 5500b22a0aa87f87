"""Mails as they really come back: replies, automatic ones, bounces and complaints, by the programs that write them."""

OURS = "<0123456789abcdef0123456789abcdef@sales.example>"

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

GARBAGE = (
    b"\xff\xfe\x00 not a mail at all",
    b"",
    b"From: =?utf-8?q?=ZZ?= <\nSubject: =?no-such-charset?b?@@@?=\nContent-Type: text/plain; charset=klingon\n\n\xff",
    (
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n"
        b"--x\nContent-Type: message/delivery-status\n\n"
    ),
    b"Content-Type: multipart/mixed\nDate: yesterday\nReferences: <a <b> c> <d\n\nno boundary",
)
