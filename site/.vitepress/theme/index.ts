import Theme from "vitepress/theme-without-fonts";
import "./ticket.css";

export default Theme;
