import Script from "next/script";
import type { ReactNode } from "react";

const host = process.env.NEXT_PUBLIC_CHATBOT_HOST ?? "https://chat.example";
const key = process.env.NEXT_PUBLIC_CHATBOT_KEY ?? "pk_YOUR_KEY";

export const metadata = { title: "A shop" };

/** The tag stands in the layout: that stays while a visitor goes from page to page, and so does the chat. */
export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        {children}
        <Script src={`${host}/static/widget/js/chatbot-widget.js`} data-key={key} strategy="afterInteractive" />
        <noscript>
          <a href={`${host}/chat/${key}`}>Chat</a>
        </noscript>
      </body>
    </html>
  );
}
