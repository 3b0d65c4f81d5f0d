import DefaultTheme from "vitepress/theme";
import "./style.css";
import Lesson from "./Lesson.vue";

export default {
  extends: DefaultTheme,
  enhanceApp({ app }: { app: { component(name: string, part: unknown): void } }) {
    app.component("Lesson", Lesson);
  },
};
